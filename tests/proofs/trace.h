/* What the preloaded library (preload.c) and the proofs agree on: the variables that steer it, and
 * the trace that it writes.
 *
 * Variables: PROOFS_ROOT the data root (absolute); calls outside of it are not counted.
 * PROOFS_TRACE a file for the trace, PROOFS_COUNT one for numbers as text: calls, allocations,
 * bytes written, bytes of these below a folder scratch. PROOFS_AT=N with PROOFS_DO: what happens at
 * the N-th counted call: "kill" (SIGKILL, before it), "short" (reads and writes take one byte), or
 * the number of an errno that it fails with. PROOFS_CHANGES=1 counts only calls that change
 * something. PROOFS_ALLOCATION=N: the N-th allocation of base/arena.c fails. PROOFS_DISK=N: from
 * the N-th byte on writes fail with ENOSPC. PROOFS_CHANGE=grow, shrink or replace, with
 * PROOFS_CHANGE_PATH, PROOFS_CHANGE_BY and PROOFS_CHANGE_AT: see change_file(). Planted faults:
 * PROOFS_PLANT=in-place writes staged files into their places at once, PROOFS_PLANT=no-sync leaves
 * syncs undone and untraced. */
#ifndef TESTS_PROOFS_TRACE_H
#define TESTS_PROOFS_TRACE_H

#include <stdint.h>

enum trace_op {
    TRACE_CREATE, /* file `a` is new; handle */
    TRACE_OPEN,   /* `a` was there; handle */
    TRACE_RESIZE, /* handle has `offset` bytes now */
    TRACE_WRITE,  /* bytes `b` at `offset` of handle */
    TRACE_SYNC,   /* handle (file or folder) */
    TRACE_SYNC_ALL,
    TRACE_RENAME, /* `a` to `b`; offset 1: exchanged */
    TRACE_UNLINK, /* `a`, a file or an empty folder */
    TRACE_MKDIR,
};

/* Head of an entry; `a_size` and `b_size` bytes follow. Paths are relative to the root, "" is it.
 */
struct trace_entry {
    uint32_t op, handle;
    uint64_t offset;
    uint32_t a_size, b_size;
};

#endif
