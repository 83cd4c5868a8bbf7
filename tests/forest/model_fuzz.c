/* Fuzz target of the model reader: any bytes are refused or make a forest that predicts.
 *
 * With libFuzzer: compile with -fsanitize=fuzzer -DWITH_LIBFUZZER. Without: `model_fuzz ROUNDS SEED
 * FILE...` changes, cuts and joins pieces of the files given, in memory. */
#include "base/fs.h"
#include "base/rng.h"
#include "forest/forest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct forest *forest = NULL;
    struct forest_card card;
    struct error err;
    if (forest_decode(bytes, size, "fuzz", &arena, &forest, &card, &err) == 0) {
        float *x = ARENA_NEW(&arena, float, forest_features(forest));
        double *prob = ARENA_NEW(&arena, double, (size_t)forest_classes(forest)), sum = 0;
        struct bytes again;
        forest_predict(forest, x, 1, 1, prob);
        for (int c = 0; c < forest_classes(forest); c++) {
            sum += prob[c];
        }
        if (!(sum > 0.99 && sum < 1.01)) {
            abort();
        }
        card.property_count = 0; /* a foreign file may use our reserved keys */
        if (forest_encode(forest, &card, &arena, &again, &err) != 0) {
            abort();
        }
    }
    forest_free(forest);
    arena_release(&arena);
    return 0;
}

#ifndef WITH_LIBFUZZER

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

/* `rounds` damaged copies of one file, each in a block of exactly its size. */
static void fuzz_file(struct bytes file, uint64_t rounds, struct rng *rng)
{
    for (uint64_t round = 0; round < rounds; round++) {
        uint8_t *copy = xcalloc(file.size, 1);
        size_t size = file.size;
        memcpy(copy, file.data, file.size);
        for (uint64_t changes = 1 + rng_below(rng, 4); changes > 0; changes--) {
            mutate(copy, &size, rng);
        }
        copy = xrealloc(copy, size, 1);
        (void)LLVMFuzzerTestOneInput(copy, size);
        free(copy);
    }
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct error err;
    struct rng rng;
    int result = argc >= 4 ? 0 : 2;
    rng_init(&rng, argc >= 4 ? strtoull(argv[2], NULL, 10) : 0, 0);
    for (int i = 3; i < argc && result == 0; i++) {
        struct bytes file;
        if (fs_read(argv[i], MAX_FILE, &arena, &file, &err) != 0 || file.size == 0) {
            (void)fprintf(stderr, "model_fuzz: cannot read %s\n", argv[i]);
            result = 1;
            break;
        }
        fuzz_file(file, strtoull(argv[1], NULL, 10), &rng);
    }
    arena_release(&arena);
    return result;
}

#endif
