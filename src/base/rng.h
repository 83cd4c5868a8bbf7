/* Random numbers that are the same on every machine for the same seed: xoshiro256** (Blackman and
 * Vigna, 2018), seeded by splitmix64. Each task takes its own stream, so that results do not depend
 * on the number of threads. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <assert.h>
#include <stdint.h>

struct rng {
    uint64_t state[4];
};

/* The generator of (seed, stream); streams of one seed are independent of one another. */
void rng_init(struct rng *rng, uint64_t seed, uint64_t stream);

/* The two that are drawn by the million stand here, for the compiler to put them in place. */

static inline uint64_t rng_rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

/* 64 random bits. */
static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rng_rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rng_rotl(s[3], 45);
    return result;
}

/* A whole number in [0, bound), without bias; bound > 0. */
static inline uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    assert(bound > 0);
    /* Lemire, "Fast Random Integer Generation in an Interval" (2019), algorithm 5. */
    unsigned __int128 m = (unsigned __int128)rng_next(rng) * bound;
    if ((uint64_t)m < bound) {
        uint64_t threshold = -bound % bound;
        while ((uint64_t)m < threshold) {
            m = (unsigned __int128)rng_next(rng) * bound;
        }
    }
    return (uint64_t)(m >> 64);
}

/* A real number in [0, 1), 53 bits. */
double rng_uniform(struct rng *rng);

#endif
