/* Answers that were made once and can be given again: bounded, the least recently used go first.
 * Any number of threads may ask at once. */
#ifndef SERVE_CACHE_H
#define SERVE_CACHE_H

#include <stddef.h>

struct answer;
struct cache;

/* An empty cache, for cache_free(), which accepts NULL. */
struct cache *cache_new(void);
void cache_free(struct cache *cache);

/* The answer of a key, kept for the caller (answer_drop()), or NULL. */
struct answer *cache_find(struct cache *cache, const char *key, size_t size);

/* Remembers an answer; an answer too large for the cache is passed over. */
void cache_add(struct cache *cache, const char *key, size_t size, struct answer *answer);

#endif
