/* Names as a list of changes over the first content, each with a mark when it is certain; bytes
 * twice, as they are and as they were at the last sync; see model.h. */
#include "tests.h"

#include "proofs/model.h"

#include "base/fs.h"
#include "base/hash.h"
#include "proofs/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 64 << 20, HANDLES = 1 << 14 };

struct node {
    bool folder;
    char *bytes, *synced; /* of a file; from the model's arena */
    size_t size, synced_size;
    struct name *names; /* of a folder: as the program sees it */
    struct name *first; /* as it was at the beginning */
    struct name *draft; /* while a state is made */
};

struct name {
    struct name *next;
    const char *text;
    struct node *node;
};

/* `to` gets the name `to_name` of `node`, `from` loses `from_name`; either folder may be NULL. With
 * `other` the names change places. */
struct change {
    struct node *from, *to, *node, *other;
    const char *from_name, *to_name;
    bool certain;
};

struct model {
    struct arena *arena;
    struct node *root;
    struct change *changes;
    size_t change_count, change_room;
    struct node *handles[HANDLES];
    const char *trace;
    size_t trace_size, at;
};

/* ---- names ---- */

static struct name **find_name(struct name **list, const char *text)
{
    while (*list && strcmp((*list)->text, text) != 0) {
        list = &(*list)->next;
    }
    return list;
}

static void set_name(struct model *m, struct name **list, const char *text, struct node *node)
{
    struct name **place = find_name(list, text);
    if (!node) {
        *place = *place ? (*place)->next : NULL;
        return;
    }
    struct name *name = ARENA_NEW(m->arena, struct name, 1);
    *name = (struct name){*place ? (*place)->next : NULL, text, node};
    *place = name;
}

/* The folder that holds the last part of a path, and that part. */
static struct node *parent_of(struct model *m, const char *path, const char **last)
{
    struct node *folder = m->root;
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        char *part = arena_copy(m->arena, path, (size_t)(slash - path));
        struct name *name = *find_name(&folder->names, part);
        if (!name) {
            fail_msg("the trace names a folder that is not there: %s", part);
            return NULL;
        }
        folder = name->node;
    }
    *last = arena_strdup(m->arena, path);
    return folder;
}

static struct node *node_of(struct model *m, const char *path)
{
    const char *last;
    if (!*path) {
        return m->root;
    }
    struct node *folder = parent_of(m, path, &last);
    struct name *name = *find_name(&folder->names, last);
    if (!name) {
        fail_msg("the trace names a file that is not there: %s", path);
    }
    return name->node;
}

static void add_change(struct model *m, struct change change)
{
    if (m->change_count == m->change_room) {
        m->change_room = m->change_room ? 2 * m->change_room : 256;
        m->changes = xrealloc(m->changes, m->change_room, sizeof *m->changes);
    }
    m->changes[m->change_count++] = change;
    if (change.from) {
        set_name(m, &change.from->names, change.from_name, change.other);
    }
    if (change.to) {
        set_name(m, &change.to->names, change.to_name, change.node);
    }
}

static struct node *new_node(struct model *m, const char *path, bool folder)
{
    const char *last;
    struct node *node = ARENA_NEW(m->arena, struct node, 1);
    struct node *parent = parent_of(m, path, &last);
    node->folder = folder;
    add_change(m, (struct change){.to = parent, .to_name = last, .node = node});
    return node;
}

/* ---- the beginning ---- */

static struct node *read_node(struct model *m, const char *path)
{
    struct node *node = ARENA_NEW(m->arena, struct node, 1);
    struct error err;
    node->folder = fs_is_folder(path);
    if (!node->folder) {
        struct bytes file;
        assert_int_equal(fs_read(path, FILE_LIMIT, m->arena, &file, &err), 0);
        node->bytes = node->synced = (char *)file.data;
        node->size = node->synced_size = file.size;
        return node;
    }
    char **names;
    size_t count;
    assert_int_equal(fs_list(path, m->arena, &names, &count, &err), 0);
    for (size_t i = count; i-- > 0;) {
        struct node *inside = read_node(m, arena_printf(m->arena, "%s/%s", path, names[i]));
        set_name(m, &node->names, names[i], inside);
        set_name(m, &node->first, names[i], inside);
    }
    return node;
}

struct model *model_open(struct arena *arena, const char *folder)
{
    struct model *m = ARENA_NEW(arena, struct model, 1);
    m->arena = arena;
    m->root = read_node(m, folder);
    return m;
}

size_t model_load(struct model *m, const char *trace)
{
    struct bytes file;
    struct error err;
    size_t count = 0;
    assert_int_equal(fs_read(trace, FILE_LIMIT, m->arena, &file, &err), 0);
    m->trace = file.data;
    m->trace_size = file.size;
    for (size_t at = 0; at < file.size; count++) {
        struct trace_entry entry;
        memcpy(&entry, file.data + at, sizeof entry);
        at += sizeof entry + entry.a_size + entry.b_size;
    }
    return count;
}

/* ---- the trace ---- */

static void resize(struct model *m, struct node *node, size_t size)
{
    char *bytes = arena_alloc(m->arena, size + 1, 1); /* never in place: `synced` may be the same */
    memcpy(bytes, node->bytes ? node->bytes : "", node->size < size ? node->size : size);
    node->bytes = bytes;
    node->size = size;
}

static void sync_node(struct model *m, struct node *node)
{
    node->synced = node->bytes;
    node->synced_size = node->size;
    for (size_t i = 0; i < m->change_count; i++) {
        struct change *change = &m->changes[i];
        if (node->folder && (change->to ? change->to : change->from) == node) {
            change->certain = true;
        }
    }
}

static void sync_all(struct model *m, struct node *node)
{
    sync_node(m, node);
    for (struct name *name = node->names; name; name = name->next) {
        sync_all(m, name->node);
    }
    for (size_t i = 0; i < m->change_count; i++) {
        m->changes[i].certain = true;
    }
}

static void change_names(struct model *m, const struct trace_entry *entry, const char *a,
                         const char *b)
{
    struct change change = {0};
    struct node *node = node_of(m, a);
    change.from = parent_of(m, a, &change.from_name);
    if (entry->op == TRACE_RENAME) {
        change.node = node;
        change.to = parent_of(m, b, &change.to_name);
        change.other = entry->offset ? node_of(m, b) : NULL;
    }
    add_change(m, change);
}

void model_step(struct model *m)
{
    struct trace_entry entry;
    memcpy(&entry, m->trace + m->at, sizeof entry);
    const char *a = arena_copy(m->arena, m->trace + m->at + sizeof entry, entry.a_size);
    const char *b =
        arena_copy(m->arena, m->trace + m->at + sizeof entry + entry.a_size, entry.b_size);
    m->at += sizeof entry + entry.a_size + entry.b_size;
    assert_true(entry.handle < HANDLES);
    struct node *node = m->handles[entry.handle];
    switch (entry.op) {
    case TRACE_CREATE:
        m->handles[entry.handle] = new_node(m, a, false);
        break;
    case TRACE_OPEN:
        m->handles[entry.handle] = node_of(m, a);
        break;
    case TRACE_MKDIR:
        (void)new_node(m, a, true);
        break;
    case TRACE_RESIZE:
        resize(m, node, entry.offset);
        break;
    case TRACE_WRITE:
        resize(m, node,
               node->size > entry.offset + entry.b_size ? node->size : entry.offset + entry.b_size);
        memcpy(node->bytes + entry.offset, b, entry.b_size);
        break;
    case TRACE_SYNC:
        sync_node(m, node);
        break;
    case TRACE_SYNC_ALL:
        sync_all(m, m->root);
        break;
    default:
        change_names(m, &entry, a, b);
    }
}

/* ---- a state ---- */

/* Every folder's draft is its first content again; folders made since begin empty. */
static void reset_drafts(struct model *m, struct node *node)
{
    node->draft = NULL;
    for (struct name *name = node->first; name; name = name->next) {
        reset_drafts(m, name->node);
        set_name(m, &node->draft, name->text, name->node);
    }
}

static void draft_names(struct model *m, enum loss loss, struct rng *rng)
{
    reset_drafts(m, m->root);
    for (size_t i = 0; i < m->change_count; i++) {
        if (m->changes[i].node) {
            reset_drafts(m, m->changes[i].node);
        }
    }
    for (size_t i = 0; i < m->change_count; i++) {
        const struct change *change = &m->changes[i];
        bool kept = change->certain || loss == LOSS_NONE || loss == LOSS_OF_BYTES ||
                    (loss == LOSS_OF_SOME && rng_below(rng, 2) == 0);
        if (kept && change->from) {
            set_name(m, &change->from->draft, change->from_name, change->other);
        }
        if (kept && change->to) {
            set_name(m, &change->to->draft, change->to_name, change->node);
        }
    }
}

/* What is left of a file's bytes. */
static struct bytes bytes_left(const struct node *node, enum loss loss, struct rng *rng)
{
    uint64_t luck = loss == LOSS_OF_SOME ? rng_below(rng, 3) : 0;
    if (loss == LOSS_NONE || (loss == LOSS_OF_SOME && luck == 0) || node->bytes == node->synced) {
        return (struct bytes){node->bytes, node->size};
    }
    if (loss == LOSS_OF_SOME && luck == 1) { /* some of it */
        return (struct bytes){node->bytes, (size_t)rng_below(rng, node->size + 1)};
    }
    return (struct bytes){node->synced, node->synced_size};
}

static void write_folder(struct node *folder, enum loss loss, struct rng *rng, const char *path,
                         const char *inside, struct hash *hash, struct arena *arena)
{
    struct error err;
    assert_true(!path || fs_make_folders(path, &err) == 0);
    for (struct name *name = folder->draft; name; name = name->next) {
        const char *relative = arena_printf(arena, "%s/%s", inside, name->text);
        const char *full = path ? arena_printf(arena, "%s/%s", path, name->text) : NULL;
        hash_update(hash, relative, strlen(relative) + 1);
        if (name->node->folder) {
            write_folder(name->node, loss, rng, full, relative, hash, arena);
            continue;
        }
        struct bytes bytes = bytes_left(name->node, loss, rng);
        hash_update(hash, &bytes.size, sizeof bytes.size);
        hash_update(hash, bytes.data ? bytes.data : "", bytes.size);
        FILE *file = full ? fopen(full, "we") : NULL;
        assert_true(!full || (file && fwrite(bytes.data ? bytes.data : "", 1, bytes.size, file) ==
                                          bytes.size));
        assert_true(!file || fclose(file) == 0);
    }
}

const char *model_write(struct model *m, enum loss loss, struct rng *rng, const char *path,
                        struct arena *arena)
{
    struct hash hash;
    char *text = arena_alloc(arena, HASH_TEXT_SIZE, 1);
    hash_init(&hash);
    draft_names(m, loss, rng);
    write_folder(m->root, loss, rng, path, "", &hash, arena);
    hash_finish(&hash, text);
    return text;
}
