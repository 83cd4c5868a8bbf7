/* main() of a fuzz target without libFuzzer, for any compiler: `NAME ROUNDS SEED FILE|FOLDER...`
 * tries each file as it is and ROUNDS times changed, cut and joined from pieces, in memory. The
 * same seed gives the same changes. */
#include "fuzz.h"

#include "base/fs.h"
#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 1 << 24 };

/* One change: a byte, a bit, a copied piece, or a cut. */
static void mutate(uint8_t *bytes, size_t *size, struct rng *rng)
{
    size_t at = (size_t)rng_below(rng, *size), from = (size_t)rng_below(rng, *size);
    size_t room = *size - (at > from ? at : from);
    switch (rng_below(rng, 16)) {
    case 0:
        *size = at + 1;
        break;
    case 1:
    case 2:
    case 3:
        memmove(bytes + at, bytes + from, rng_below(rng, room < 64 ? room : 64));
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        bytes[at] = (uint8_t)(bytes[at] ^ 1U << rng_below(rng, 8));
        break;
    default:
        bytes[at] = (uint8_t)rng_next(rng);
        break;
    }
}

/* One file and `rounds` damaged copies of it, each in a block of exactly its size. */
static void fuzz_bytes(struct bytes file, uint64_t rounds, struct rng *rng)
{
    for (uint64_t round = 0; round <= rounds; round++) {
        uint8_t *copy = xcalloc(file.size ? file.size : 1, 1);
        size_t size = file.size;
        memcpy(copy, file.data, file.size);
        uint64_t changes = round == 0 || size == 0 ? 0 : 1 + rng_below(rng, 4);
        for (; changes > 0; changes--) {
            mutate(copy, &size, rng);
        }
        copy = xrealloc(copy, size ? size : 1, 1);
        (void)LLVMFuzzerTestOneInput(copy, size);
        free(copy);
    }
}

static int fuzz_path(const char *path, uint64_t rounds, struct rng *rng, struct error *err)
{
    struct arena arena = {0};
    struct bytes file;
    char **names;
    size_t count = 0;
    int result = 0;
    if (fs_is_folder(path)) {
        result = fs_list(path, &arena, &names, &count, err);
        for (size_t i = 0; i < count && result == 0; i++) {
            result = fuzz_path(arena_printf(&arena, "%s/%s", path, names[i]), rounds, rng, err);
        }
    } else {
        result = fs_read(path, MAX_FILE, &arena, &file, err);
        if (result == 0) {
            fuzz_bytes(file, rounds, rng);
        }
    }
    arena_release(&arena);
    return result;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    struct rng rng;
    if (argc < 4) {
        (void)fprintf(stderr, "usage: %s ROUNDS SEED FILE|FOLDER...\n", argv[0]);
        return 2;
    }
    rng_init(&rng, strtoull(argv[2], NULL, 10), 0);
    for (int i = 3; i < argc; i++) {
        if (fuzz_path(argv[i], strtoull(argv[1], NULL, 10), &rng, &err) != 0) {
            (void)fprintf(stderr, "%s: %s\n", argv[0], err.text[LANG_EN]);
            return 1;
        }
    }
    return 0;
}
