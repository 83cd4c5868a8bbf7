/* Problems as JSON; see problem.h. */
#include "serve/problem.h"

#include <stdarg.h>
#include <stdio.h>

/* What a status is called, for people. */
static struct text title_of(unsigned status)
{
    static const struct {
        unsigned status;
        struct text title;
    } titles[] = {
        {400, TEXT("Demande mal formée", "Malformed request")},
        {401, TEXT("Jeton d'accès demandé", "Access token required")},
        {404, TEXT("Introuvable", "Not found")},
        {405, TEXT("Méthode non permise", "Method not allowed")},
        {413, TEXT("Demande trop grande", "Request too large")},
        {414, TEXT("Adresse trop longue", "Address too long")},
        {421, TEXT("Nom de serveur inconnu", "Unknown server name")},
        {503, TEXT("Momentanément indisponible", "Unavailable for now")},
    };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return (struct text)TEXT("Erreur du serveur", "Server error");
}

int problem_set(struct problem *problem, unsigned status, const char *type, const char *fr,
                const char *en, ...)
{
    const char *const formats[LANG_COUNT] = {[LANG_FR] = fr, [LANG_EN] = en};
    char text[LANG_COUNT][sizeof problem->err.text[0]];
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        va_list args;
        va_start(args, en);
        (void)vsnprintf(text[lang], sizeof text[lang], formats[lang], args);
        va_end(args);
    }
    *problem = (struct problem){.status = status, .type = type};
    return error_set(&problem->err, "%s%.0s", "%.0s%s", text[LANG_FR], text[LANG_EN]);
}

int problem_of_parameter(struct problem *problem, const char *parameter, const struct error *err)
{
    *problem = (struct problem){
        .status = 400, .type = "bad-parameter", .parameter = parameter, .err = *err};
    return -1;
}

void problem_write(const struct problem *problem, enum lang lang, const char *instance,
                   struct body *out)
{
    body_open(out, '{');
    body_key(out, "type");
    body_printf(out, "\"/problems/%s\"", problem->type);
    body_put_string(out, "title", title_of(problem->status).in[lang]);
    body_put_whole(out, "status", problem->status);
    body_put_string(out, "detail", problem->err.text[lang]);
    body_put_string(out, "instance", instance);
    if (problem->parameter != NULL) {
        body_put_string(out, "parameter", problem->parameter);
    }
    body_close(out, '}');
}
