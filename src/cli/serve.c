/* autostream serve: the dashboards and the API, until Ctrl-C. The work is serve's; here are the
 * options, the address that is printed, the signals. */
#include "cli/serve.h"

#include "base/fs.h"
#include "base/publish.h"
#include "serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const struct option_spec specs[] = {
    OPTION_PORT,
    {.name = "listen",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, listen),
     .value = TEXT("ADRESSE", "ADDRESS"),
     .fallback = "127.0.0.1",
     .help = TEXT("adresse d'écoute ; toute autre que celle de cette machine demande un jeton",
                  "address to listen on; any but this machine's own wants a token")},
    {.name = "open",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, open),
     .help = TEXT("ouvre le navigateur", "opens the browser")},
    {.name = "token-file",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, token_file),
     .value = TEXT("FICHIER", "FILE"),
     .help = TEXT("fichier dont la première ligne est le jeton d'accès ; sans cette option, la "
                  "variable AUTOSTREAM_TOKEN",
                  "file whose first line is the access token; without it the variable "
                  "AUTOSTREAM_TOKEN")},
    {.name = "host",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, host),
     .value = TEXT("NOM,...", "NAME,..."),
     .help = TEXT("noms par lesquels on peut appeler ce serveur, en plus de localhost",
                  "names that this server may be called by, besides localhost")},
    {.name = "tls-cert",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, tls_cert),
     .value = TEXT("FICHIER", "FILE"),
     .help =
         TEXT("certificat (PEM), pour servir en HTTPS", "certificate (PEM), to serve by HTTPS")},
    {.name = "tls-key",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, tls_key),
     .value = TEXT("FICHIER", "FILE"),
     .help = TEXT("clé du certificat (PEM)", "the certificate's key (PEM)")},
    {.name = "per-client",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct options, per_client),
     .value = TEXT("N", "N"),
     .high = 100000,
     .fallback = "0",
     .help =
         TEXT("connexions permises à une même adresse, 0 : toutes pour cette machine, 128 pour "
              "une autre",
              "connections that one address may have, 0: all for this machine, 128 for others")},
};

/* ---- the token ---- */

/* The first line of a file, without blanks at its end. */
static int read_token(struct cli *cli, const char **token, struct error *err)
{
    enum { TOKEN_FILE_AT_MOST = 4096 };
    struct bytes text;
    const char *path = cli->options.token_file;
    const char *variable = getenv("AUTOSTREAM_TOKEN");
    *token = variable != NULL && *variable != '\0' ? variable : NULL;
    if (path == NULL) {
        return 0;
    }
    if (fs_read(path, TOKEN_FILE_AT_MOST, &cli->arena, &text, err) != 0) {
        return -1;
    }
    size_t size = strcspn(text.data, " \t\r\n");
    if (size == 0) {
        return error_usage(
            err,
            "--token-file %s : le fichier est vide ; mettez-y un jeton, par exemple "
            "celui de : openssl rand -hex 32",
            "--token-file %s: the file is empty; put a token into it, for example the "
            "one of: openssl rand -hex 32",
            path);
    }
    *token = arena_copy(&cli->arena, text.data, size);
    return 0;
}

/* ---- the browser ---- */

/* Asks the desktop to open the address; whether it can is not our business. */
static void open_browser(struct cli *cli, const char *address)
{
    char *const argv[] = {(char[]){"xdg-open"}, arena_strdup(&cli->arena, address), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    pid_t child;
    (void)sigemptyset(&none);
    if (posix_spawn_file_actions_init(&actions) != 0 || posix_spawnattr_init(&attributes) != 0) {
        return;
    }
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int problem = posix_spawnp(&child, argv[0], &actions, &attributes, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    if (problem != 0) {
        cli_note(cli, "xdg-open ne démarre pas (%s) : ouvrez l'adresse vous-même\n",
                 "xdg-open does not start (%s): open the address yourself\n", strerror(problem));
    }
}

/* ---- serving ---- */

/* Called by the server's own thread. */
static void tell(void *context, const struct error *what)
{
    const struct cli *cli = context;
    cli_note(cli, "%s\n", "%s\n", what->text[cli->lang]);
}

static void print_address(struct cli *cli, const char *address, bool token)
{
    if (cli->document != NULL) {
        /* A machine waits for the address, not for the end: the document is printed now. */
        json_put(cli->document, "address", json_words(cli, address));
        json_put(cli->document, "pid", json_whole((uint64_t)getpid()));
        (void)json_dumpf(cli->document, stdout, JSON_COMPACT);
        (void)putchar('\n');
        json_decref(cli->document);
        cli->document = NULL;
        cli->document_printed = true;
    }
    cli_print(cli, "AutoStream : %s\n", "AutoStream: %s\n", address);
    if (token) {
        cli_note(cli, "La première fois, ouvrez %s?token=VOTRE_JETON\n",
                 "The first time, open %s?token=YOUR_TOKEN\n", address);
    }
    cli_note(cli, "Ctrl-C pour arrêter\n", "Ctrl-C to stop\n");
    (void)fflush(stdout);
}

int cli_serve(struct cli *cli, bool or_next, struct error *err)
{
    struct server *server = NULL;
    const char *token = NULL;
    sigset_t ends;
    sigset_t before;
    int signal_seen;
    if (read_token(cli, &token, err) != 0) {
        return -1;
    }
    if (fs_exists(cli->options.data) && publish_recover(cli->options.data, err) != 0) {
        /* Another's to mend: we only read. */
        cli_note(cli, "%s\n", "%s\n", err->text[cli->lang]);
    }
    const struct serve_options options = {.data = cli->options.data,
                                          .listen = cli->options.listen,
                                          .port = (uint16_t)cli->options.port,
                                          .or_next = or_next,
                                          .hosts = cli->options.host,
                                          .token = token,
                                          .cert_path = cli->options.tls_cert,
                                          .key_path = cli->options.tls_key,
                                          .per_client = (unsigned)cli->options.per_client,
                                          .threads = (unsigned)cli->options.threads,
                                          .tell = tell,
                                          .context = cli};
    /* Before any thread is made: all inherit it, and only sigwait() sees the end. */
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &ends, &before);
    (void)signal(SIGPIPE, SIG_IGN);
    int status = serve_open(&server, &options, err);
    if (status == 0) {
        print_address(cli, serve_address(server), token != NULL);
        if (cli->options.open) {
            open_browser(cli, serve_address(server));
        }
        (void)sigwait(&ends, &signal_seen);
        cli_note(cli, "\nArrêt\n", "\nStopping\n");
    }
    serve_close(server);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

static int serve(struct cli *cli, struct error *err)
{
    return cli_serve(cli, false, err);
}

const struct command command_serve = {
    .name = "serve",
    .summary = TEXT("les tableaux de bord, dans le navigateur", "the dashboards, in the browser"),
    .about = TEXT(
        "Sert les tableaux de bord et une API JSON (/api/v1/openapi.json) à partir de ce qui est "
        "publié, et remarque de lui-même un nouveau traitement. N'écoute que cette machine, sauf "
        "--listen ; une autre adresse demande un jeton.",
        "Serves the dashboards and a JSON API (/api/v1/openapi.json) from what is published, and "
        "notices a new run by itself. Listens to this machine only, unless --listen; any other "
        "address wants a token."),
    .options = OPTION_TABLE(specs),
    .examples = {{"autostream serve --open",
                  TEXT("sert et ouvre le navigateur", "serves and opens the browser")},
                 {"autostream serve --port 0",
                  TEXT("un port libre, quel qu'il soit", "any port that is free")},
                 {"autostream serve --listen 0.0.0.0 --token-file jeton.txt",
                  TEXT("pour tout le réseau", "for the whole network")}},
    .next =
        TEXT("« autostream run » publie de nouveaux résultats : les pages ouvertes les montrent.",
             "\"autostream run\" publishes new results: open pages show them."),
    .has_json = true,
    .run = serve,
};
