/* What the readers of JSON and CSV files share; see reader.h. */
#include "ingest/reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct record_origin reader_origin(const struct reader *reader, size_t size)
{
    size_t raw = size < reader->limit ? size : reader->limit;
    return (struct record_origin){.source = reader->source,
                                  .position = reader->window.offset,
                                  .raw = {reader->window.data + reader->window.start, raw}};
}

char *reader_scratch(struct reader *reader, size_t size)
{
    if (reader->scratch_room < size || !reader->scratch) {
        reader->scratch_room = size > 4096 ? size : 4096;
        free(reader->scratch);
        reader->scratch = xcalloc(reader->scratch_room, 1);
    }
    return reader->scratch;
}

bool reader_fill(struct reader *reader)
{
    enum { TICK = 4 * 1024 * 1024 };
    bool more = window_fill(&reader->window, &reader->stream, reader->limit);
    if (reader->tick && reader->stream.disk_bytes - reader->told >= TICK) {
        reader->tick(reader->tick_context, reader->stream.disk_bytes - reader->told);
        reader->told = reader->stream.disk_bytes;
    }
    return more;
}

int reader_add(struct reader *reader, size_t size, struct error *err)
{
    const struct raw_value *values = reader->slots;
    if (size > reader->limit) {
        return reader_refuse(reader, "too_long", size, err);
    }
    if (!reader->map->identity || reader->map->csv) {
        map_values(reader->map, reader->slots, reader->stem, &reader->map_scratch, reader->values);
        values = reader->values;
    }
    struct record_origin origin = reader_origin(reader, size);
    return collector_add(&reader->collector, values, &origin, err);
}

int reader_refuse(struct reader *reader, const char *code, size_t size, struct error *err)
{
    struct record_origin origin = reader_origin(reader, size);
    return collector_refuse(&reader->collector, code, &origin, err);
}

int reader_refuse_break(struct reader *reader, struct error *err)
{
    assert(reader->window.end == STREAM_UNREADABLE || reader->window.end == STREAM_BROKEN);
    size_t rest = window_bytes(&reader->window).size;
    bool broken = reader->window.end == STREAM_BROKEN;
    int status =
        reader_refuse(reader, broken ? "broken_compression" : "unreadable_file", rest, err);
    window_skip(&reader->window, rest);
    return status;
}

int reader_refuse_long_line(struct reader *reader, const char *code, struct error *err)
{
    if (reader_refuse(reader, code, window_bytes(&reader->window).size, err) != 0) {
        return -1;
    }
    do {
        struct bytes rest = window_bytes(&reader->window);
        const char *line_end = rest.size ? memchr(rest.data, '\n', rest.size) : NULL;
        window_skip(&reader->window, line_end ? (size_t)(line_end + 1 - rest.data) : rest.size);
        if (line_end) {
            return 0;
        }
    } while (reader_fill(reader));
    return 0;
}
