/* Gold of a made-up fleet, written by the engine from SQL alone: every kind of column, NULLs, ties,
 * texts that need care. For the tests of the server's store and its benchmark. */
#ifndef TESTS_SERVE_GOLD_H
#define TESTS_SERVE_GOLD_H

#include "base/fs.h"
#include "fleet/fleet.h"
#include "lake/lake.h"
#include "lake/layout.h"

#include <libgen.h>

/* A number 0..999999 from row i and a salt. */
#define GOLD_DRAW(salt) "(CAST(hash(i * 1000 + " #salt ") %% 1000000 AS BIGINT))"

/* The rows behind a fleet: i is 0 .. N-1. Measures are means of three messages, so that they have
 * no short decimal form; some are NULL. */
#define GOLD_ROWS                                                                                                                             \
    "SELECT i, "                                                                                                                              \
    "CASE WHEN i %% 97 = 5 THEN NULL ELSE 60e0 + " GOLD_DRAW(                                                                                 \
        1) " / 10000e0 / 3e0 END AS temp, "                                                                                                   \
           "CASE WHEN i %% 89 = 7 THEN NULL ELSE CAST(" GOLD_DRAW(                                                                            \
               2) " AS DOUBLE) END AS km, "                                                                                                   \
                  "CASE WHEN i %% 83 = 11 THEN NULL ELSE " GOLD_DRAW(                                                                         \
                      3) " / 2000e0 / 101e0 END "                                                                                             \
                         "AS oil, " GOLD_DRAW(4) " / 700e0 AS rpm, " GOLD_DRAW(                                                               \
                             5) " / 1e5 / 3e0 "                                                                                               \
                                "+ 9e0 AS "                                                                                                   \
                                "volt,"                                                                                                       \
                                " " GOLD_DRAW(6) " / 50000e0 + 5e0 AS sprint, " GOLD_DRAW(                                                    \
                                    7) " / "                                                                                                  \
                                       "33333e0"                                                                                              \
                                       " + 4e0 "                                                                                              \
                                       "AS "                                                                                                  \
                                       "fuel, "                                                                                               \
                                       "200e0 "                                                                                               \
                                       "+"                                                                                                    \
                                       " " GOLD_DRAW(                                                                                         \
                                           8) " / 1700e0 "                                                                                    \
                                              "AS "                                                                                           \
                                              "injection,"                                                                                    \
                                              " "                                                                                             \
                                              "CASE WHEN "                                                                                    \
                                              "i %% 7 = "                                                                                     \
                                              "3 THEN "                                                                                       \
                                              "NULL ELSE "                                                                                    \
                                              "30 "                                                                                           \
                                              "+"                                                                                             \
                                              " " GOLD_DRAW(9) " %% 1171 END AS days, " GOLD_DRAW(10) " %% 300000 AS km_service, " GOLD_DRAW( \
                                                  11) " A"                                                                                    \
                                                      "S "                                                                                    \
                                                      "p,"                                                                                    \
                                                      " "                                                                                     \
                                                      "CA"                                                                                    \
                                                      "SE"                                                                                    \
                                                      " W"                                                                                    \
                                                      "HE"                                                                                    \
                                                      "N"                                                                                     \
                                                      " " GOLD_DRAW(                                                                          \
                                                          12) " %% 10 < 6 THEN 0 ELSE "                                                       \
                                                              "1 + " GOLD_DRAW(                                                               \
                                                                  13) " %% 5 END AS "                                                         \
                                                                      "panne,"                                                                \
                                                                      " " GOLD_DRAW(                                                          \
                                                                          14) " %% 6 AS model "                                               \
                                                                              "FROM range(%zu) "                                              \
                                                                              "AS numbers(i)"

/* The rows of reporting_final. The probability 0 and 1, and 0.15 (a bin's border) come often. */
#define GOLD_SELECT                                                                                \
    "(SELECT vin, temp AS temp_moyenne, km AS km_actuel, oil AS pression_huile, rpm AS "           \
    "regime_moteur, volt AS voltage_batterie, sprint AS temps_0_100, fuel AS conso_essence, "      \
    "injection AS pression_injection, DATE '2026-11-23' - CAST(days AS INTEGER) AS "               \
    "date_last_revis, type, CAST(km_service AS BIGINT) AS km_derniere_revis, CAST(days AS "        \
    "BIGINT) "                                                                                     \
    "AS jours_revis, modele, CAST(2018 + i %% 7 AS BIGINT) AS annee, days / 365e0 * 100e0 AS "     \
    "age_score, CASE WHEN days IS NULL THEN NULL ELSE least(100e0, 0.6e0 * coalesce(temp, 90e0) "  \
    "+ "                                                                                           \
    "0.4e0 * days / 365e0 * 100e0) END AS score_risque, statut, km - km_service AS "               \
    "km_depuis_revis, CAST(panne AS BIGINT) AS type_panne_predit, prob AS prob_panne, "            \
    "CAST(floor(100 - CAST(prob AS DECIMAL(8, 6)) * 100) AS BIGINT) AS sante, "                    \
    "CASE WHEN prob >= 0.7 THEN 'URGENT' WHEN prob >= 0.5 THEN 'ATTENTION' WHEN prob >= 0.3 THEN " \
    "'SURVEILLANCE' ELSE 'NORMAL' END AS niveau_alerte, CASE WHEN panne = 0 THEN 30000e0 ELSE "    \
    "CAST(250 * (i %% 9) AS DOUBLE) END AS km_avant_panne, round(1 - prob, 6) AS p_0, "            \
    "round(prob / 2, 6) AS p_1, round(prob / 3, 6) AS p_2, 0e0 AS p_3, prob AS p_4, "              \
    "round(prob / 7, 6) AS p_5, raisons "                                                          \
    "FROM (SELECT *, "                                                                             \
    "CASE WHEN panne = 0 THEN 'OK' WHEN prob >= 0.7 THEN 'CRITIQUE' WHEN prob >= 0.4 THEN "        \
    "'ALERTE' ELSE 'SURVEILLANCE' END AS statut, "                                                 \
    "printf('VIN-%%07d', i * 3) || CASE WHEN i %% 501 = 9 THEN 'é-x' ELSE '' END AS vin, "        \
    "CASE i %% 5 WHEN 0 THEN 'Vidange' WHEN 1 THEN 'Freins' WHEN 2 THEN NULL ELSE 'Moteur' END "   \
    "AS "                                                                                          \
    "type, CASE model WHEN 0 THEN NULL WHEN 1 THEN 'Master' WHEN 2 THEN 'Mégane' WHEN 3 THEN "    \
    "'Daily, long' WHEN 4 THEN '=1+1' ELSE '' END AS modele, "                                     \
    "CASE i %% 11 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'anything \"else\", here' ELSE "     \
    "'pression_huile=' || coalesce(rtrim(rtrim(printf('%%.2f', oil), '0'), '.'), '') || ':+0.31|'" \
    " || 'temp_moyenne=' || coalesce(regexp_replace(printf('%%.1f', temp), '\\.0$', ''), '') || "  \
    "':-0.05' END AS raisons "                                                                     \
    "FROM (SELECT *, CASE p %% 10 WHEN 0 THEN 0e0 WHEN 1 THEN 1e0 WHEN 2 THEN 0.15e0 ELSE "        \
    "p / 1e6 END AS prob FROM (" GOLD_ROWS ") AS drawn) AS likely) AS told)"

/* Writes the gold of `rows` vehicles below `data`; `columns` is NULL or a REPLACE list, which makes
 * it another fleet ("NULL::DOUBLE AS km_actuel"). */
static int gold_write(const char *data, int32_t run_date, size_t rows, const char *columns,
                      struct error *err)
{
    struct arena arena = {0};
    struct lake *lake = NULL;
    const struct table *table = fleet_table(TABLE_REPORTING);
    const char *path =
        arena_printf(&arena, "%s/%s", data,
                     layout_path(&arena, fleet_tables[TABLE_REPORTING].path, run_date, 0));
    const char *select = arena_printf(&arena, GOLD_SELECT, rows);
    if (columns) {
        select = arena_printf(&arena, "(SELECT * REPLACE (%s) FROM %s AS whole)", columns, select);
    }
    const struct lake_output output = {.table = table, .from = select, .order = "vin"};
    int status = lake_open(&lake, &(struct lake_options){0}, err);
    if (status == 0) {
        status = fs_make_folders(dirname(arena_strdup(&arena, path)), err);
    }
    if (status == 0) {
        status = lake_write(lake, &output, LAKE_PARQUET, path, err);
    }
    lake_close(lake);
    arena_release(&arena);
    return status;
}

#endif
