/* Fuzz target of the rows that `score` reads from standard input: any bytes, as CSV with and
 * without a header and as TSV. No row arrives that no line holds, a failure has its sentence, and
 * whether the bytes come at once or piece by piece makes no difference. The model is a double. */
#include "fuzz.h"

#include "pipeline/scored.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FEATURES = 3, MOST_BYTES = 1 << 16, PIECES = 40 };

/* What came of the bytes. */
struct outcome {
    int status;
    struct error err;
    uint64_t rows;
    uint32_t *values; /* [rows][FEATURES]: bits, so that NaN equals NaN */
};

static struct outcome *now; /* of the call under way: scored_rows() has no context of its own */

/* ---- the double of scored.c ---- */

void scored_header(struct scored *s)
{
    s->headed = true;
}

int scored_rows(struct scored *s, const float *x, size_t rows, struct error *err)
{
    (void)err;
    size_t count = rows * FEATURES;
    now->values = xrealloc(now->values, (s->rows + rows) * FEATURES, sizeof *now->values);
    memcpy(now->values + s->rows * FEATURES, x, count * sizeof *x);
    s->rows += rows;
    return 0;
}

int scored_output_error(const struct scored *s, struct error *err)
{
    return error_set(err, "%s", "%s", s->out_name);
}

/* ---- one input ---- */

/* A descriptor from which read() gets the bytes in so many pieces. */
static int descriptor_of(const uint8_t *bytes, size_t size, size_t pieces)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) {
        abort();
    }
    size_t each = size / pieces + 1;
    for (size_t at = 0; at < size; at += each) {
        size_t piece = size - at < each ? size - at : each;
        if (send(ends[1], bytes + at, piece, MSG_DONTWAIT) != (ssize_t)piece) {
            abort();
        }
    }
    (void)close(ends[1]);
    return ends[0];
}

static void run(struct outcome *out, const uint8_t *bytes, size_t size, size_t pieces,
                enum score_format format, bool no_header)
{
    static const char *const inputs[FEATURES] = {"heat", "speed, mean", "oil"};
    static FILE *nowhere;
    if (!nowhere && !(nowhere = fopen("/dev/null", "w"))) {
        abort();
    }
    struct scored scored = {.model_path = "m.onnx",
                            .threads = 1,
                            .features = FEATURES,
                            .classes = 2,
                            .inputs = inputs,
                            .out = nowhere,
                            .out_name = "/dev/null",
                            .format = format};
    int fd = descriptor_of(bytes, size, pieces);
    *out = (struct outcome){0};
    now = out;
    out->status = score_stream(&scored, fd, no_header, &out->err);
    out->rows = scored.rows;
    (void)close(fd);
    if (out->status != 0 && (!out->err.text[LANG_FR][0] || !out->err.text[LANG_EN][0])) {
        abort();
    }
}

static size_t count_lines(const uint8_t *bytes, size_t size)
{
    size_t lines = 1;
    for (size_t i = 0; i < size; i++) {
        lines += bytes[i] == '\n';
    }
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > MOST_BYTES) {
        return 0; /* a socket takes no more */
    }
    for (int form = 0; form < 4; form++) {
        enum score_format format = form / 2 ? SCORE_TSV : SCORE_CSV;
        struct outcome whole, pieces;
        run(&whole, bytes, size, 1, format, form % 2);
        run(&pieces, bytes, size, PIECES, format, form % 2);
        size_t value_bytes = whole.rows * FEATURES * sizeof *whole.values;
        if (whole.rows > count_lines(bytes, size) || whole.status != pieces.status ||
            whole.rows != pieces.rows ||
            (whole.rows > 0 && memcmp(whole.values, pieces.values, value_bytes) != 0) ||
            strcmp(whole.err.text[LANG_EN], pieces.err.text[LANG_EN]) != 0) {
            abort();
        }
        free(whole.values);
        free(pieces.values);
    }
    return 0;
}
