/* A hash table of answers with a list by last use; see cache.h. */
#include "serve/cache.h"

#include "base/arena.h"
#include "serve/answer.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 4096, /* a power of two */
    ENTRIES_AT_MOST = 4096,
    BYTES_AT_MOST = 24 << 20, /* all together */
    BYTES_OF_ONE = 4 << 20,
};

struct entry {
    struct entry *next;          /* in the bucket */
    struct entry *newer, *older; /* by last use */
    struct answer *answer;
    uint64_t hash;
    size_t bytes, key_size;
    char key[];
};

struct cache {
    pthread_mutex_t lock;
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    size_t entries, bytes;
};

struct cache *cache_new(void)
{
    struct cache *cache = xcalloc(1, sizeof *cache);
    (void)pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

/* FNV-1a, mixed so that the low bits depend on all. */
static uint64_t hash_of(const char *key, size_t size)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)key[i]) * UINT64_C(1099511628211);
    }
    return hash ^ hash >> 32;
}

static void unlink_use(struct cache *cache, struct entry *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void link_newest(struct cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void drop_oldest(struct cache *cache)
{
    struct entry *entry = cache->oldest;
    struct entry **place = &cache->buckets[entry->hash % BUCKETS];
    while (*place != entry) {
        place = &(*place)->next;
    }
    *place = entry->next;
    unlink_use(cache, entry);
    cache->entries--;
    cache->bytes -= entry->bytes;
    answer_drop(entry->answer);
    free(entry);
}

void cache_free(struct cache *cache)
{
    if (cache == NULL) {
        return;
    }
    while (cache->oldest != NULL) {
        drop_oldest(cache);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static struct entry *find(struct cache *cache, uint64_t hash, const char *key, size_t size)
{
    struct entry *entry = cache->buckets[hash % BUCKETS];
    while (entry != NULL &&
           (entry->hash != hash || entry->key_size != size || memcmp(entry->key, key, size) != 0)) {
        entry = entry->next;
    }
    return entry;
}

struct answer *cache_find(struct cache *cache, const char *key, size_t size)
{
    struct answer *found = NULL;
    uint64_t hash = hash_of(key, size);
    (void)pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, hash, key, size);
    if (entry != NULL) {
        unlink_use(cache, entry);
        link_newest(cache, entry);
        found = answer_keep(entry->answer);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return found;
}

void cache_add(struct cache *cache, const char *key, size_t size, struct answer *answer)
{
    uint64_t hash = hash_of(key, size);
    size_t bytes = sizeof(struct entry) + size + answer_bytes(answer);
    if (bytes > BYTES_OF_ONE) {
        return;
    }
    (void)pthread_mutex_lock(&cache->lock);
    if (find(cache, hash, key, size) == NULL) { /* else another thread made it meanwhile */
        struct entry *entry = xcalloc(1, sizeof *entry + size);
        entry->hash = hash;
        entry->bytes = bytes;
        entry->key_size = size;
        entry->answer = answer_keep(answer);
        memcpy(entry->key, key, size);
        entry->next = cache->buckets[hash % BUCKETS];
        cache->buckets[hash % BUCKETS] = entry;
        link_newest(cache, entry);
        cache->entries++;
        cache->bytes += bytes;
        while (cache->entries > ENTRIES_AT_MOST || cache->bytes > BYTES_AT_MOST) {
            drop_oldest(cache);
        }
    }
    (void)pthread_mutex_unlock(&cache->lock);
}
