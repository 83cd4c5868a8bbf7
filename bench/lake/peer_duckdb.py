"""The same outputs by DuckDB, driven by hand-written SQL. With GOLD_ONLY as fourth argument only the
gold table is made. usage: peer_duckdb.py BRONZE MODEL OUT [GOLD_ONLY]"""
import sys

import duckdb
import pandas

import common


def write(db, table, places, order, *names):
    for name in names:
        form = "csv, HEADER" if name.endswith(".csv") else "parquet, COMPRESSION zstd"
        db.execute(f"COPY (FROM {table} ORDER BY {order}) TO '{places.out / name}' (FORMAT {form})")


def main():
    places = common.Places()
    everything = len(sys.argv) == 4
    db = duckdb.connect(config={"threads": common.THREADS, "preserve_insertion_order": True})
    types = {"vin": "VARCHAR", "timestamp": "VARCHAR"}
    types |= {name: "DOUBLE" for name in common.REALS} | {name: "BIGINT" for name in common.WHOLES}
    form = "unstructured" if places.one_message_files else "newline_delimited"
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in types.items())
    measures = ", ".join(name for name in common.ORDER if name not in ("vin", "event_ts"))
    fill = {"temp_moteur": "coalesce(temp_moteur, 90.0)", "vitesse": "coalesce(vitesse, 0)"}
    filled = ", ".join(f"{fill[n]} AS {n}" if n in fill else n for n in types)
    db.execute(f"""CREATE TABLE telemetry AS
        SELECT {', '.join('min(timestamp) AS timestamp' if n == 'timestamp' else n
                          for n in common.SILVER if n != 'event_date')},
               CAST(event_ts AS DATE) AS event_date
        FROM (SELECT {filled}, CAST(timestamp AS TIMESTAMP) AS event_ts
              FROM read_json('{places.json}', format = '{form}', hive_partitioning = false, columns = {{{columns}}}))
        GROUP BY vin, event_ts, {measures}
        ORDER BY {', '.join(common.ORDER)}""")
    if everything:
        db.execute(f"COPY telemetry TO '{places.out}/silver/telemetry_clean.csv' (HEADER)")
        db.execute(f"COPY telemetry TO '{places.out}/silver/telemetry_parquet' "
                   "(FORMAT parquet, COMPRESSION zstd, PARTITION_BY (event_date))")
    register = pandas.DataFrame(places.vehicles(), columns=["vin", "modele", "annee"])
    db.register("register", register)
    means = ", ".join(f"avg({measure}) AS {name}" for measure, name in common.MEANS)
    db.execute(f"""CREATE TABLE entretien AS
        SELECT *, row_number() OVER (PARTITION BY vin ORDER BY date_last_revis DESC NULLS LAST,
            km_derniere_revis DESC NULLS LAST, type) AS rang
        FROM read_csv('{places.maintenance}', hive_partitioning = false, columns = {{vin: 'VARCHAR', date_last_revis: 'DATE',
                      type: 'VARCHAR', km_derniere_revis: 'BIGINT'}})""")
    db.execute(f"""CREATE TABLE features AS
        SELECT m.*, date_last_revis, type, km_derniere_revis, modele, annee,
            date_diff('day', date_last_revis, DATE '{common.RUN_DATE}') AS jours_revis,
            jours_revis / 365 * 100 AS age_score,
            if(jours_revis IS NULL OR temp_moyenne IS NULL, NULL,
               least(100, 0.6 * temp_moyenne + 0.4 * age_score)) AS score_risque,
            km_actuel - km_derniere_revis AS km_depuis_revis
        FROM (SELECT vin, {means} FROM telemetry GROUP BY vin) m
        JOIN entretien e ON e.vin = m.vin AND rang = 1
        JOIN register r ON r.vin = m.vin
        ORDER BY m.vin""")
    keys = db.execute(f"SELECT vin, {', '.join(common.INPUTS)} FROM features").df()
    lifetimes = dict(db.execute(f"SELECT piece, km_median FROM read_csv('{places.lifetimes}')").fetchall())
    answers = pandas.DataFrame(common.predict(
        places.model, keys[list(common.INPUTS)].to_numpy(), lifetimes)).assign(vin=keys["vin"])
    db.register("predictions", answers)
    db.execute(f"CREATE TABLE reporting AS SELECT {', '.join(common.REPORTING)} "
               "FROM features JOIN predictions USING (vin)")
    write(db, "reporting", places, "vin", "gold/reporting_final.csv", "gold/reporting_final.parquet")
    if not everything:
        return
    write(db, "entretien", places, "vin, rang", "gold/entretien.parquet")
    days = ", ".join(f"avg({name}) AS {name}" for name in common.DAYS)
    db.execute(f"CREATE TABLE days AS SELECT vin, event_date, count(*) AS messages, {days} "
               "FROM telemetry GROUP BY vin, event_date")
    write(db, "days", places, "vin, event_date", "gold/vehicule_jour.parquet")
    for period, key in common.PERIODS:
        unit = {"jour": "day", "semaine": "week", "mois": "month"}[period]
        db.execute(f"""CREATE TABLE pannes_{period} AS
            SELECT CAST(date_trunc('{unit}', event_date) AS DATE) AS {key},
                count(DISTINCT vin) AS vehicules_actifs,
                count_if(type_panne_predit <> 0) AS pannes_predites,
                avg(prob_panne) AS prob_panne_moy, avg(temp_moteur) AS temp_moy,
                avg(voltage_batterie) AS voltage_moy,
                count(DISTINCT if(type_panne_predit <> 0, vin, NULL)) AS vehicules_a_risque
            FROM telemetry LEFT JOIN predictions USING (vin) GROUP BY 1""")
        write(db, f"pannes_{period}", places, key, f"gold/aggregations/pannes_par_{period}.csv",
              f"gold/aggregations/pannes_par_{period}.parquet")


main()
