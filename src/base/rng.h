/* Random numbers that are the same on every machine for the same seed: xoshiro256** (Blackman and
 * Vigna, 2018), seeded by splitmix64. Each task takes its own stream, so that results do not depend
 * on the number of threads. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

/* The generator of (seed, stream); streams of one seed are independent of one another. */
void rng_init(struct rng *rng, uint64_t seed, uint64_t stream);

/* 64 random bits. */
uint64_t rng_next(struct rng *rng);

/* A whole number in [0, bound), without bias; bound > 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);

/* A real number in [0, 1), 53 bits. */
double rng_uniform(struct rng *rng);

#endif
