"""The same outputs by Spark on this machine: one spark-sql process on hand-written SQL (what PySpark
hands to the JVM too), the model asked by TRANSFORM. usage: peer_spark.py BRONZE MODEL OUT
Called with --predict it is that script: lines of vin and inputs in, lines of answers out."""
import csv
import os
import pathlib
import subprocess
import sys

import numpy as np

import common

ANSWERS = ("type_panne_predit BIGINT, prob_panne DOUBLE, statut STRING, sante BIGINT, "
           "niveau_alerte STRING, km_avant_panne DOUBLE, p_0 DOUBLE, p_1 DOUBLE, p_2 DOUBLE, "
           "p_3 DOUBLE, p_4 DOUBLE, p_5 DOUBLE")


def predict_lines(model, lifetimes):
    rows = [line.rstrip("\n").split("\t") for line in sys.stdin]
    if not rows:
        return
    with open(lifetimes, encoding="utf-8") as file:
        median = {row["piece"]: float(row["km_median"]) for row in csv.DictReader(file)}
    x = np.array([[np.nan if cell == "\\N" else float(cell) for cell in row[1:]] for row in rows])
    answers = common.predict(model, x, median)
    columns = [answers[entry.split()[0]] for entry in ANSWERS.split(", ")]
    for row, cells in zip(rows, zip(*columns)):
        print(row[0], *(cell if isinstance(cell, str) else repr(cell.item()) for cell in cells),
              sep="\t")


def statements(places):
    fields = ", ".join(["vin STRING", "timestamp STRING"] + [f"{n} DOUBLE" for n in common.REALS]
                       + [f"{n} BIGINT" for n in common.WHOLES])
    fill = {"temp_moteur": "coalesce(temp_moteur, 90e0)", "vitesse": "coalesce(vitesse, 0)"}
    measures = [name for name in common.ORDER if name not in ("vin", "event_ts")]
    filled = ", ".join(f"{fill.get(name, name)} AS {name}" for name in measures)
    silver = ", ".join("min(timestamp) AS timestamp" if n == "timestamp" else n
                       for n in common.SILVER if n != "event_date")
    yield f"CREATE TEMPORARY VIEW messages ({fields}) USING json OPTIONS (path '{places.json}')"
    yield f"""CACHE TABLE telemetry AS SELECT {silver}, CAST(event_ts AS DATE) AS event_date
        FROM (SELECT vin, timestamp, CAST(timestamp AS TIMESTAMP) AS event_ts, {filled} FROM messages)
        GROUP BY vin, event_ts, {', '.join(measures)} ORDER BY {', '.join(common.ORDER)}"""
    write = "INSERT OVERWRITE DIRECTORY '{}' USING {}"
    out = places.out.resolve()
    yield (write.format(out / "silver/telemetry_clean.csv", "csv OPTIONS (header true)")
           + " SELECT * FROM telemetry")
    kinds = {name: "DOUBLE" for name in common.REALS} | {name: "BIGINT" for name in common.WHOLES}
    kinds |= {"timestamp": "STRING", "vin": "STRING", "event_ts": "TIMESTAMP", "event_date": "DATE"}
    columns = ", ".join(f"{name} {kinds[name]}" for name in common.SILVER)
    yield (f"CREATE TABLE partitioned ({columns}) USING parquet OPTIONS (compression 'zstd') "
           f"PARTITIONED BY (event_date) LOCATION '{out}/silver/telemetry_parquet'")
    yield "INSERT INTO partitioned SELECT * FROM telemetry"
    yield ("CREATE TEMPORARY VIEW maintenance (vin STRING, date_last_revis DATE, type STRING, "
           "km_derniere_revis BIGINT) USING csv "
           f"OPTIONS (path '{places.maintenance}', header true)")
    yield ("CREATE TEMPORARY VIEW register (vin STRING, modele STRING, annee BIGINT) USING csv "
           f"OPTIONS (path '{out}/register.csv')")
    yield """CACHE TABLE entretien AS SELECT *, CAST(row_number() OVER (PARTITION BY vin
        ORDER BY date_last_revis DESC NULLS LAST, km_derniere_revis DESC NULLS LAST, type) AS BIGINT)
        AS rang FROM maintenance"""
    means = ", ".join(f"avg({measure}) AS {name}" for measure, name in common.MEANS)
    yield f"""CACHE TABLE features AS SELECT *, jours_revis / 365e0 * 100e0 AS age_score,
            CASE WHEN jours_revis IS NOT NULL AND temp_moyenne IS NOT NULL THEN
            least(100e0, 0.6e0 * temp_moyenne + 0.4e0 * (jours_revis / 365e0 * 100e0)) END AS score_risque,
            km_actuel - km_derniere_revis AS km_depuis_revis
        FROM (SELECT m.*, date_last_revis, type, km_derniere_revis, modele, annee,
            CAST(datediff(DATE '{common.RUN_DATE}', date_last_revis) AS BIGINT) AS jours_revis
        FROM (SELECT vin, {means} FROM telemetry GROUP BY vin) m
        JOIN entretien e ON e.vin = m.vin AND rang = 1 JOIN register r ON r.vin = m.vin)"""
    script = f"{sys.executable} {pathlib.Path(__file__).resolve()} --predict {places.model.resolve()} " \
             f"{pathlib.Path(places.lifetimes).resolve()}"
    tabs = "ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t'"
    yield f"""CACHE TABLE predictions AS SELECT TRANSFORM(vin, {', '.join(common.INPUTS)}) {tabs}
        USING '{script}' AS (vin STRING, {ANSWERS}) {tabs} FROM features"""
    yield (f"CACHE TABLE reporting AS SELECT {', '.join(common.REPORTING)} "
           "FROM features JOIN predictions USING (vin)")
    results = [("reporting", "vin", "reporting_final", True), ("entretien", "vin, rang", "entretien", False)]
    days = ", ".join(f"avg({name}) AS {name}" for name in common.DAYS)
    yield (f"CREATE TEMPORARY VIEW days AS SELECT vin, event_date, count(*) AS messages, {days} "
           "FROM telemetry GROUP BY vin, event_date")
    results.append(("days", "vin, event_date", "vehicule_jour", False))
    for period, key in common.PERIODS:
        unit = {"jour": "day", "semaine": "week", "mois": "month"}[period]
        yield f"""CACHE TABLE pannes_{period} AS
            SELECT CAST(date_trunc('{unit}', event_date) AS DATE) AS {key},
                count(DISTINCT vin) AS vehicules_actifs,
                count_if(type_panne_predit <> 0) AS pannes_predites,
                avg(prob_panne) AS prob_panne_moy, avg(temp_moteur) AS temp_moy,
                avg(voltage_batterie) AS voltage_moy,
                count(DISTINCT if(type_panne_predit <> 0, vin, NULL)) AS vehicules_a_risque
            FROM telemetry LEFT JOIN predictions USING (vin) GROUP BY 1"""
        results.append((f"pannes_{period}", key, f"aggregations/pannes_par_{period}", True))
    for table, order, name, as_csv in results:
        forms = [("parquet", "parquet OPTIONS (compression zstd)")]
        forms += [("csv", "csv OPTIONS (header true)")] if as_csv else []
        for ending, form in forms:
            yield (write.format(out / f"gold/{name}.{ending}", form)
                   + f" SELECT /*+ COALESCE(1) */ * FROM {table} ORDER BY {order}")


def main():
    places = common.Places()
    with open(places.out / "register.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(places.vehicles())
    script = places.out / "job.sql"
    script.write_text(";\n".join(statements(places)) + ";\n", encoding="utf-8")
    settings = {"spark.sql.catalogImplementation": "in-memory", "spark.ui.enabled": "false",
                "spark.sql.session.timeZone": "UTC", "spark.sql.shuffle.partitions": "4",
                "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
                "spark.sql.warehouse.dir": str(places.out.resolve() / "warehouse")}
    command = [os.environ["SPARK_HOME"] + "/bin/spark-sql", "--master", f"local[{common.THREADS}]",
               "--driver-memory", "4g", "-f", str(script)]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit("\n".join(line for line in done.stderr.splitlines() if "[" in line)[:2000])


if sys.argv[1] == "--predict":
    predict_lines(*sys.argv[2:])
else:
    main()
