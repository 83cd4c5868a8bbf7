/* GET quality, quarantine: what the data lacked, what was refused and why, where it came from. */
#include "serve/call.h"

#include "published/tables.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- reports ---- */

static void put_report(struct body *out, const char *name, const struct quality_report *report)
{
    body_key(out, name);
    body_open(out, '{');
    body_put_whole(out, "rows", (int64_t)report->rows);
    body_put_string(out, "missing_columns", report->missing_columns);
    body_put_string(out, "schema_issues", report->schema_issues);
    body_key(out, "columns");
    body_open(out, '[');
    for (size_t c = 0; c < report->column_count; c++) {
        body_open(out, '{');
        body_put_string(out, "name", report->columns[c].name);
        body_put_whole(out, "nulls", (int64_t)report->columns[c].nulls);
        body_put_real(out, "null_pct", report->columns[c].null_pct);
        body_close(out, '}');
    }
    body_close(out, ']');
    body_close(out, '}');
}

/* "impossible:vitesse": the label of the code, with the field behind it. */
static void put_label(struct call *call, const char *reason)
{
    const struct refusal_kind *kind = refusal_find(reason);
    const char *field = strchr(reason, ':');
    struct text label = {{NULL}};
    for (int lang = 0; kind != NULL && lang < LANG_COUNT; lang++) {
        const char *plain = kind->label.in[lang];
        label.in[lang] =
            field == NULL ? plain : arena_printf(call->arena, "%s (%s)", plain, field + 1);
    }
    body_put_words(call->out, "label", &label);
}

static void put_quarantine(struct call *call, const struct quality_summary *summary)
{
    struct body *out = call->out;
    body_key(out, "quarantine");
    body_open(out, '{');
    body_put_whole(out, "records", (int64_t)summary->quarantined);
    body_key(out, "reasons");
    body_open(out, '[');
    for (size_t r = 0; r < summary->reason_count; r++) {
        body_open(out, '{');
        body_put_string(out, "reason", summary->reasons[r].reason);
        put_label(call, summary->reasons[r].reason);
        body_put_whole(out, "records", (int64_t)summary->reasons[r].records);
        body_close(out, '}');
    }
    body_close(out, ']');
    body_close(out, '}');
}

static void put_orphans(struct body *out, const struct quality_summary *summary)
{
    body_key(out, "orphans");
    body_open(out, '{');
    body_put_whole(out, "total", (int64_t)summary->orphans_total);
    body_key(out, "rows");
    body_open(out, '[');
    for (size_t i = 0; i < summary->orphan_count; i++) {
        body_open(out, '{');
        body_put_string(out, "vin", summary->orphans[i].vin);
        body_put_bool(out, "sans_entretien", summary->orphans[i].no_service);
        body_put_bool(out, "sans_registre", summary->orphans[i].not_registered);
        body_close(out, '}');
    }
    body_close(out, ']');
    body_close(out, '}');
}

/* ---- lineage ---- */

/* A value of run.json as it stands there; null when it is not there. */
static void put_json(struct body *out, const char *name, json_t *value)
{
    body_key(out, name);
    char *text = value == NULL
                     ? NULL
                     : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    body_text(out, text != NULL ? text : "null");
    free(text);
}

static void put_outputs(struct body *out, json_t *record)
{
    static const char *const sections[] = {"silver", "gold", "quarantine"};
    body_key(out, "outputs");
    body_open(out, '[');
    for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
        json_t *outputs = json_object_get(json_object_get(record, sections[s]), "outputs");
        for (size_t i = 0; i < json_array_size(outputs); i++) {
            json_t *file = json_array_get(outputs, i);
            body_open(out, '{');
            put_json(out, "path", json_object_get(file, "path"));
            put_json(out, "sha256", json_object_get(file, "sha256"));
            put_json(out, "bytes", json_object_get(file, "bytes"));
            body_close(out, '}');
        }
    }
    body_close(out, ']');
}

static void put_inputs(struct body *out, json_t *silver)
{
    json_t *inputs = json_object_get(silver, "inputs");
    body_key(out, "inputs");
    body_open(out, '{');
    put_json(out, "sha256", json_object_get(silver, "inputs_sha256"));
    put_json(out, "files", json_object_get(inputs, "files"));
    put_json(out, "ignored", json_object_get(inputs, "ignored"));
    put_json(out, "bytes", json_object_get(inputs, "bytes"));
    body_close(out, '}');
}

static void put_seconds(struct body *out, json_t *silver, json_t *gold)
{
    json_t *of_silver = json_object_get(silver, "seconds");
    json_t *of_gold = json_object_get(gold, "seconds");
    body_key(out, "seconds");
    body_open(out, '{');
    put_json(out, "ingest", json_object_get(of_silver, "ingest"));
    put_json(out, "silver", json_object_get(of_silver, "silver"));
    put_json(out, "gold", json_object_get(of_gold, "gold"));
    body_close(out, '}');
}

/* run.json but for paths outside the data folder. */
static void put_lineage(struct call *call)
{
    struct body *out = call->out;
    const struct run_record *run = &call->run->record;
    json_t *record = json_loadb(run->json, run->json_size, 0, NULL);
    json_t *silver = json_object_get(record, "silver");
    json_t *gold = json_object_get(record, "gold");
    body_key(out, "lineage");
    body_open(out, '{');
    put_json(out, "program", json_object_get(record, "program"));
    put_inputs(out, silver);
    put_json(out, "telemetry", json_object_get(silver, "telemetry"));
    put_json(out, "maintenance", json_object_get(silver, "maintenance"));
    put_json(out, "vehicules", json_object_get(silver, "vehicules"));
    body_put_string(out, "silver_sha256",
                    json_string_value(json_object_get(gold, "silver_sha256")));
    body_key(out, "model");
    body_open(out, '{');
    body_put_string(out, "sha256", run->model_sha256);
    body_close(out, '}');
    body_put_string(out, "gold_sha256", run->gold_sha256);
    body_put_whole(out, "gold_rows", (int64_t)run->gold_rows);
    put_json(out, "incomplete", json_object_get(gold, "incomplete"));
    put_seconds(out, silver, gold);
    put_outputs(out, record);
    body_close(out, '}');
    json_decref(record);
}

/* Oldest first, up to this run. */
static void put_history(struct call *call)
{
    struct body *out = call->out;
    const struct view *view = call->view;
    body_key(out, "history");
    body_open(out, '[');
    for (size_t r = view->run_count; r > 0; r--) {
        const struct run_record *run = &view->runs[r - 1];
        if (run->run_date > call->run->record.run_date) {
            continue;
        }
        body_open(out, '{');
        body_put_date(out, "run_date", run->run_date);
        body_put_whole(out, "records", (int64_t)run->records);
        body_put_whole(out, "silver_rows", (int64_t)run->silver_rows);
        body_put_whole(out, "quarantined", (int64_t)run->quarantined);
        body_put_whole(out, "duplicates", (int64_t)run->duplicates);
        body_put_whole(out, "gold_rows", (int64_t)run->gold_rows);
        body_put_whole(out, "without_service", (int64_t)run->without_service);
        body_put_whole(out, "without_register", (int64_t)run->without_register);
        body_put_string(out, "model_sha256", run->model_sha256);
        body_close(out, '}');
    }
    body_close(out, ']');
}

int api_quality(struct call *call)
{
    const struct lake_options options = {.threads = 1, .memory = call->run->session.memory};
    struct quality_summary summary;
    struct lake *lake = NULL;
    struct error err;
    struct body *out = call->out;
    int status = lake_open(&lake, &options, &err);
    if (status == 0) {
        status = published_quality_in(lake, &call->run->session, call->arena, &summary, &err);
    }
    lake_close(lake);
    if (status != 0 || !loaded_is_whole(call->run)) {
        return api_unreadable(call);
    }
    body_open(out, '{');
    body_put_date(out, "run_date", call->run->record.run_date);
    put_report(out, "silver", &summary.silver);
    put_report(out, "gold", &summary.gold);
    put_quarantine(call, &summary);
    put_orphans(out, &summary);
    put_lineage(call);
    put_history(call);
    body_close(out, '}');
    return 0;
}

/* ---- quarantine ---- */

enum { RAW_CHARACTERS = 2000 };

/* The bytes behind hexadecimal digits. */
static struct bytes bytes_of(const char *digits, struct arena *arena)
{
    size_t size = strlen(digits) / 2;
    char *bytes = ARENA_NEW(arena, char, size + 1);
    for (size_t i = 0; i < size; i++) {
        const char pair[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (char)strtoul(pair, NULL, 16);
    }
    return (struct bytes){bytes, size};
}

/* At most RAW_CHARACTERS: as many bytes that do not go on with a character. */
static size_t cut(struct bytes text)
{
    size_t characters = 0;
    size_t end = 0;
    while (end < text.size) {
        if (((unsigned char)text.data[end] & 0xc0) != 0x80 && ++characters > RAW_CHARACTERS) {
            break;
        }
        end++;
    }
    return end;
}

static void put_record(struct call *call, const char *const *cells)
{
    struct body *out = call->out;
    struct bytes raw = bytes_of(cells[4] != NULL ? cells[4] : "", call->arena);
    body_open(out, '{');
    body_put_string(out, "source", cells[0]);
    api_put_number_text(call, "position", cells[1]);
    body_key(out, "reasons");
    body_open(out, '[');
    for (const char *code = cells[2]; code != NULL && *code != '\0';) {
        size_t length = strcspn(code, "|");
        body_string_bytes(out, code, length);
        code += length + (code[length] == '|');
    }
    body_close(out, ']');
    body_key(out, "raw");
    body_string_bytes(out, raw.data, cut(raw));
    api_put_number_text(call, "raw_bytes", cells[3]);
    body_close(out, '}');
}

int api_quarantine(struct call *call)
{
    struct lake_rows total;
    struct lake_rows rows;
    struct error err;
    struct body *out = call->out;
    const char *const values[] = {call->reason != NULL ? call->reason : "",
                                  arena_printf(call->arena, "%zu", call->size),
                                  arena_printf(call->arena, "%zu", (call->page - 1) * call->size)};
    if (loaded_ask(call->run, TABLE_QUARANTAINE, "serve/quarantaine_total.sql", values, 1,
                   call->arena, &total, &err) != 0 ||
        loaded_ask(call->run, TABLE_QUARANTAINE, "serve/quarantaine.sql", values, 3, call->arena,
                   &rows, &err) != 0) {
        return api_unreadable(call);
    }
    int64_t count = total.rows > 0 ? strtoll(total.cells[0], NULL, 10) : 0;
    body_open(out, '{');
    body_put_date(out, "run_date", call->run->record.run_date);
    body_put_whole(out, "total", count);
    body_put_whole(out, "page", (int64_t)call->page);
    body_put_whole(out, "size", (int64_t)call->size);
    body_put_whole(out, "pages", (count + (int64_t)call->size - 1) / (int64_t)call->size);
    body_key(out, "rows");
    body_open(out, '[');
    for (size_t r = 0; r < rows.rows; r++) {
        put_record(call, &rows.cells[r * rows.columns]);
    }
    body_close(out, ']');
    body_close(out, '}');
    return 0;
}
