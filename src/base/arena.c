/* Arena blocks from malloc, doubling in size; see arena.h. */
#include "base/arena.h"

#include "base/error.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 16 * 1024, LARGEST_GROWTH = 4 * 1024 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

static size_t checked_product(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX / 2) {
        out_of_memory();
    }
    return bytes;
}

/* A piece of memory; *zero tells whether it holds zeros. */
static void *take(struct arena *arena, size_t count, size_t size, bool *zero)
{
    const size_t align = alignof(max_align_t);
    size_t bytes = (checked_product(count, size) + align - 1) / align * align;
    *zero = false;
    if (!arena->blocks || arena->blocks->size - arena->used < bytes) {
        size_t room = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
        if (room > LARGEST_GROWTH) {
            room = LARGEST_GROWTH;
        }
        if (room < bytes) {
            room = bytes;
        }
        /* A large piece takes a block that is zero already: what is never used of it is never
         * touched, and the kernel need not bring it. */
        *zero = room == bytes;
        struct arena_block *block =
            *zero ? calloc(1, sizeof *block + room) : malloc(sizeof *block + room);
        if (!block) {
            out_of_memory();
        }
        block->next = arena->blocks;
        block->size = room;
        arena->blocks = block;
        arena->used = 0;
    }
    void *place = arena->blocks->bytes + arena->used;
    arena->used += bytes;
    return place;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    bool zero;
    void *place = take(arena, count, size, &zero);
    return zero ? place : memset(place, 0, count * size);
}

char *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
    bool zero;
    char *copy = take(arena, size + 1, 1, &zero);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    copy[size] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        out_of_memory();
    }
    char *text = arena_alloc(arena, (size_t)length + 1, 1);
    va_start(args, format);
    (void)vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_clear(struct arena *arena)
{
    if (arena->blocks) {
        free_blocks(arena->blocks->next);
        arena->blocks->next = NULL;
        arena->used = 0;
    }
}

void arena_release(struct arena *arena)
{
    free_blocks(arena->blocks);
    *arena = (struct arena){0};
}

void *xcalloc(size_t count, size_t size)
{
    size_t bytes = checked_product(count, size);
    void *place = calloc(bytes ? bytes : 1, 1);
    if (!place) {
        out_of_memory();
    }
    return place;
}

void *xrealloc(void *old, size_t count, size_t size)
{
    size_t bytes = checked_product(count, size);
    void *place = realloc(old, bytes ? bytes : 1);
    if (!place) {
        out_of_memory();
    }
    return place;
}
