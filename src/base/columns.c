/* Room for batches; see columns.h. */
#include "base/columns.h"

#include "base/arena.h"

#include <assert.h>

void batch_init(struct batch *batch, const struct table *table, struct arena *arena)
{
    assert(table->column_count <= BATCH_COLUMNS);
    *batch = (struct batch){.table = table};
    for (size_t c = 0; c < table->column_count; c++) {
        batch->null[c] = ARENA_NEW(arena, bool, BATCH_ROWS);
        switch (table->columns[c].type) {
        case COLUMN_TEXT:
        case COLUMN_BLOB:
            batch->values[c].text = ARENA_NEW(arena, struct bytes, BATCH_ROWS);
            break;
        case COLUMN_REAL:
            batch->values[c].real = ARENA_NEW(arena, double, BATCH_ROWS);
            break;
        case COLUMN_WHOLE:
        case COLUMN_TIMESTAMP:
        case COLUMN_DATE:
            batch->values[c].whole = ARENA_NEW(arena, int64_t, BATCH_ROWS);
            break;
        }
    }
}
