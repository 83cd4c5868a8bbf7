/* autostream verify: are the published results whole, and what were they made from. */
#include "cli/cli.h"

#include "base/dates.h"

static const struct option_spec specs[] = {
    {.name = "strict",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, strict),
     .help = TEXT("une donnée brute ou un modèle plus récents que les résultats sont aussi des "
                  "fautes",
                  "raw data or a model newer than the results are faults too")},
};

static void fill_document(struct cli *cli, const struct verify_report *report)
{
    json_t *findings = json_array();
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct verify_finding *finding = &report->findings[i];
        json_t *object = json_object();
        json_put(object, "run_date", json_date(finding->run_date));
        json_put(object, "fault", json_boolean(finding->fault));
        json_put(object, "text", json_words(cli, cli_text(cli, finding->text)));
        json_add(findings, object);
    }
    json_put(cli->document, "runs", json_whole(report->runs));
    json_put(cli->document, "files", json_whole(report->files));
    json_put(cli->document, "inputs", json_whole(report->inputs));
    json_put(cli->document, "bytes", json_whole(report->bytes));
    json_put(cli->document, "faults", json_whole(report->fault_count));
    json_put(cli->document, "findings", findings);
}

static void print_report(struct cli *cli, const struct verify_report *report)
{
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct verify_finding *finding = &report->findings[i];
        enum style style = finding->fault ? STYLE_RED : STYLE_NONE;
        const char *kind = cli_text(cli, finding->fault ? (struct text)TEXT("faute", "fault")
                                                        : (struct text)TEXT("note", "note"));
        const char *text = words_clean(&cli->arena, cli_text(cli, finding->text));
        cli_print(cli, "%s%s%s : %s\n", "%s%s%s: %s\n", term_on(&cli->out, style), kind,
                  term_off(&cli->out, style), text);
    }
    cli_print(cli,
              "Traitements vérifiés : %s ; fichiers publiés : %s ; fichiers bruts comparés : %s\n",
              "Runs verified: %s; published files: %s; raw files compared: %s\n",
              cli_whole(cli, report->runs), cli_whole(cli, report->files),
              cli_whole(cli, report->inputs));
    if (report->fault_count == 0) {
        cli_print(cli, "%s✓%s Tout est entier.\n", "%s✓%s All is whole.\n",
                  term_on(&cli->out, STYLE_GREEN), term_off(&cli->out, STYLE_GREEN));
    }
}

static int verify(struct cli *cli, struct error *err)
{
    const struct session session = cli_session(cli);
    const struct verify_options options = {.all = !cli->run_date_given,
                                           .strict = cli->options.strict};
    struct verify_report report;
    if (pipeline_verify(&session, &options, &cli->arena, &report, err) != 0) {
        return -1;
    }
    progress_clear(&cli->bar);
    if (cli->document != NULL) {
        fill_document(cli, &report);
    } else {
        print_report(cli, &report);
    }
    if (report.fault_count == 0) {
        return 0;
    }
    return error_set(err, "fautes dans %s : %llu ; chacune dit comment la réparer",
                     "faults in %s: %llu; each says how to mend it", session.data,
                     (unsigned long long)report.fault_count);
}

const struct command command_verify = {
    .name = "verify",
    .summary = TEXT("les résultats sont-ils entiers", "are the results whole"),
    .about =
        TEXT("Compare ce qui est publié à ce que les traitements ont noté (run.json) : empreinte "
             "et taille de chaque fichier, colonnes, nombres de lignes, messages lus = silver + "
             "quarantaine + doubles, et d'où vient gold : modèle, silver, fichiers bruts. Ne "
             "change rien. Sans --run-date, tous les traitements. Une donnée brute ou un modèle "
             "plus récents ne sont qu'une note.",
             "Compares what is published with what the runs recorded (run.json): hash and size of "
             "every file, columns, row counts, records read = silver + quarantined + duplicates, "
             "and what gold was made from: model, silver, raw files. Changes nothing. Without "
             "--run-date all runs. Raw data or a model that are newer are only a note."),
    .options = OPTION_TABLE(specs),
    .examples = {{"autostream verify", TEXT("tous les traitements", "all runs")},
                 {"autostream --run-date 2026-11-23 verify --strict",
                  TEXT("une date, sans rien de plus récent à côté",
                       "one date, with nothing newer beside it")},
                 {"autostream --json verify", TEXT("pour un programme", "for a program")}},
    .next = TEXT("« autostream run » produit de nouveau ce qui n'est pas entier.",
                 "\"autostream run\" makes anew what is not whole."),
    .has_json = true,
    .run = verify,
};
