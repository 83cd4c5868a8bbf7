/* Fuzz target of the reader of JSON messages: any bytes are read, with what follows them in sight
 * or not, and a record that is accepted has values that its table can hold. */
#include "fuzz.h"
#include "telemetry_spec.h"

#include "ingest/json.h"
#include "ingest/map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_row(const struct batch *batch)
{
    for (size_t c = 0; c < FIELDS; c++) {
        enum column_type type = telemetry_columns[c].type;
        bool null = batch->null[c][0];
        if ((null && telemetry_spec.fields[c].required) ||
            (!null && type == COLUMN_REAL && !isfinite(batch->values[c].real[0])) ||
            (!null && type == COLUMN_TEXT && batch->values[c].text[0].size > RECORD_TEXT_LIMIT)) {
            abort();
        }
    }
}

/* One reading of the bytes; `final` and `alone` as in struct json_text. */
static void read_once(const uint8_t *bytes, size_t size, bool final, bool alone,
                      struct batch *batch)
{
    struct ingest_counts counts = {0};
    struct ingest_map map;
    struct raw_value values[BATCH_COLUMNS];
    struct reasons reasons = {0};
    const char *after = NULL;
    char *text = xcalloc(size ? size : 1, 1), *scratch = xcalloc(size ? size : 1, 1);
    if (size > 0) {
        memcpy(text, bytes, size);
    }
    map_init_identity(&map, &telemetry_spec, false);
    struct json_text json = {text, text + size, final, alone, scratch};
    enum json_status status = json_read(&json, &map.slots, values, &reasons, &after);
    bool good = status == JSON_OK || status == JSON_OTHER;
    if ((status == JSON_MORE && final) || (good && (after < text || after > text + size)) ||
        (!good && status != JSON_MORE && !reasons.text[0])) {
        abort();
    }
    batch->rows = 0;
    if (status == JSON_OK) {
        if (record_check(&telemetry_spec, values, batch, &counts, &reasons)) {
            check_row(batch);
        } else if (!reasons.text[0]) {
            abort();
        }
    }
    free(text);
    free(scratch);
}

/* What the quick reader takes, the general one takes with the same values. */
static void read_quick(const uint8_t *bytes, size_t size)
{
    struct ingest_map map;
    struct raw_value quick[BATCH_COLUMNS], values[BATCH_COLUMNS];
    struct reasons reasons = {0};
    const char *after = NULL;
    char *text = xcalloc(size + JSON_SLACK, 1), *scratch = xcalloc(size ? size : 1, 1);
    if (size > 0) {
        memcpy(text, bytes, size);
    }
    map_init_identity(&map, &telemetry_spec, false);
    const char *end = json_read_quick(text, text + size, &map.slots, quick);
    struct json_text json = {text, text + size, false, false, scratch};
    if (end && (json_read(&json, &map.slots, values, &reasons, &after) != JSON_OK || after != end ||
                reasons.size > 0)) {
        abort();
    }
    for (size_t i = 0; end && i < map.slots.count; i++) {
        if (quick[i].kind != values[i].kind ||
            (quick[i].kind == RAW_NUMBER &&
             memcmp(&quick[i].number, &values[i].number, sizeof quick[i].number) != 0) ||
            (quick[i].kind == RAW_TEXT && (quick[i].text.data != values[i].text.data ||
                                           quick[i].text.size != values[i].text.size))) {
            abort();
        }
    }
    free(text);
    free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct batch batch;
    batch_init(&batch, &telemetry_table, &arena);
    read_once(bytes, size, true, true, &batch);
    read_once(bytes, size, true, false, &batch);
    read_once(bytes, size, false, false, &batch);
    read_quick(bytes, size);
    arena_release(&arena);
    return 0;
}
