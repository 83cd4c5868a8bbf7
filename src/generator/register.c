/* Writes the vehicle register sql/flotte.db with libsqlite3; see tables.h. Table and column names
 * come from tables.def, values are bound. The file is new and staged, and the caller syncs it: no
 * journal, no syncing here. One transaction and a fixed page size make its bytes the same for the
 * same rows and the same libsqlite3. Rows come in order, so a page cache of 400 KiB is enough. */
#include "base/arena.h"
#include "generator/tables.h"
#include "generator/text.h"

#include <assert.h>
#include <sqlite3.h>

static const char file_name[] = "flotte.db";

static int register_error(const struct folder *folder, sqlite3 *db, struct error *err)
{
    return output_error(folder->path, file_name, sqlite3_errmsg(db), err);
}

/* "CREATE TABLE vehicules(vin TEXT, ...)", "INSERT INTO vehicules VALUES (?, ...)". */
static void table_statements(struct arena *arena, const char **create, const char **insert)
{
    const struct table *table = fleet_table(TABLE_VEHICULES);
    const char *columns = "";
    const char *marks = "";
    assert(table->column_count == 3);
    for (size_t i = 0; i < table->column_count; i++) {
        const char *comma = i > 0 ? ", " : "";
        bool whole = table->columns[i].type == COLUMN_WHOLE;
        columns = arena_printf(arena, "%s%s%s %s", columns, comma, table->columns[i].name,
                               whole ? "INTEGER" : "TEXT");
        marks = arena_printf(arena, "%s%s?", marks, comma);
    }
    *create = arena_printf(arena, "CREATE TABLE %s(%s)", table->name, columns);
    *insert = arena_printf(arena, "INSERT INTO %s VALUES (%s)", table->name, marks);
}

static bool insert_vehicle(sqlite3_stmt *insert, const struct vehicle *vehicle)
{
    char vin[4 + NUMBER_ROOM];
    char *end = put_whole(put_text(vin, "VIN-"), SIMULATION_FIRST_VIN + vehicle->number);
    return sqlite3_bind_text(insert, 1, vin, (int)(end - vin), SQLITE_STATIC) == SQLITE_OK &&
           sqlite3_bind_text(insert, 2, modele_names[vehicle->modele], -1, SQLITE_STATIC) ==
               SQLITE_OK &&
           sqlite3_bind_int(insert, 3, vehicle->annee) == SQLITE_OK &&
           sqlite3_step(insert) == SQLITE_DONE && sqlite3_reset(insert) == SQLITE_OK;
}

static bool run_sql(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

int write_register(const struct simulation *simulation, const struct folder *folder,
                   struct error *err)
{
    struct arena arena = {0};
    struct mix mix = {0};
    sqlite3 *db = NULL;
    sqlite3_stmt *insert = NULL;
    int status = -1;
    const char *create_sql;
    const char *insert_sql;
    table_statements(&arena, &create_sql, &insert_sql);
    const char *path = arena_printf(&arena, "%s/%s", folder->path, file_name);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK ||
        !run_sql(db, "PRAGMA page_size = 4096; PRAGMA cache_size = 100; PRAGMA journal_mode = OFF;"
                     "PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN") ||
        !run_sql(db, create_sql) ||
        sqlite3_prepare_v2(db, insert_sql, -1, &insert, NULL) != SQLITE_OK) {
        register_error(folder, db, err);
        goto done;
    }
    for (uint64_t i = 0; i < simulation->vehicles; i++) {
        struct vehicle vehicle;
        vehicle_draw(simulation, &mix, i, &vehicle);
        if (!insert_vehicle(insert, &vehicle)) {
            register_error(folder, db, err);
            goto done;
        }
    }
    if (!run_sql(db, "COMMIT")) {
        register_error(folder, db, err);
        goto done;
    }
    status = 0;
done:
    sqlite3_finalize(insert);
    if (sqlite3_close(db) != SQLITE_OK && status == 0) {
        status = register_error(folder, db, err);
    }
    arena_release(&arena);
    return status;
}
