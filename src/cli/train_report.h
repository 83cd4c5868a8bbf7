/* What autostream train found, for people and for machines. */
#ifndef CLI_TRAIN_REPORT_H
#define CLI_TRAIN_REPORT_H

#include "cli/cli.h"

/* Prints the report on standard output. */
void train_report_print(struct cli *cli, const struct train_report *report);

/* Puts the report into cli->document. */
void train_report_fill(struct cli *cli, const struct train_report *report);

#endif
