/* Serving, for the commands that end by it. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "cli/cli.h"

#define OPTION_PORT                                                                            \
    {                                                                                          \
        .name = "port", .kind = OPTION_WHOLE, .offset = offsetof(struct options, port),        \
        .value = TEXT("PORT", "PORT"), .low = 0, .high = 65535, .fallback = "8501",            \
        .help = TEXT("port du serveur, 0 : un port libre", "port of the server, 0: any free"), \
    }

/* Serves until Ctrl-C, SIGTERM or SIGHUP. `or_next`: a port that is taken is no error, the next
 * free one is used. */
int cli_serve(struct cli *cli, bool or_next, struct error *err);

#endif
