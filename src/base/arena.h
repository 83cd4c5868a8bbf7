/* Arenas: memory that lives as long as one command, stage or request, and is released at once.
 *
 * A zeroed `struct arena` is ready to use. Allocation never fails for the caller: out of memory
 * ends the process with one sentence (see out_of_memory()). An arena is used by one thread. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes used in the newest block */
};

/* Zeroed memory for `count` objects of `size` bytes, aligned for any type; owned by the arena.
 * The product is checked. Never NULL, also for 0 bytes. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);

#define ARENA_NEW(arena, type, count) ((type *)arena_alloc((arena), (count), sizeof(type)))

/* A copy of `size` bytes with a NUL behind them; owned by the arena. */
char *arena_copy(struct arena *arena, const void *bytes, size_t size);

/* A copy of a C string; owned by the arena. */
char *arena_strdup(struct arena *arena, const char *text);

/* printf into the arena. */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(1, 2)));

/* Forgets all allocations but keeps the newest block for reuse. */
void arena_clear(struct arena *arena);

/* Frees everything; the arena is zeroed and may be used or released again. */
void arena_release(struct arena *arena);

/* malloc, calloc-like and realloc for memory that grows or changes hands: products are checked,
 * failure ends the process. The caller frees with free(). */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t count, size_t size);

#endif
