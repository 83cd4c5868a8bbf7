"""The same outputs by Spark SQL, local, in one session of spark-sql that Python drives: what PySpark
does with the same plans, without a Python of its own in Spark. SPARK_HOME names it.
usage: peer_spark.py BRONZE MODEL OUT"""
import os
import re
import subprocess

import pandas

import common


FAILED = re.compile(r"\[[A-Z_.0-9]+\] |Error in query|org\.apache\.spark\.\S*Exception")


class Session:
    """A spark-sql process; run() waits until the statement is done."""

    def __init__(self, scratch):
        settings = {"spark.master": f"local[{common.THREADS}]", "spark.driver.memory": "4g",
                    "spark.sql.session.timeZone": "UTC", "spark.ui.enabled": "false",
                    "spark.sql.catalogImplementation": "in-memory",
                    "spark.sql.warehouse.dir": f"{scratch}/warehouse", "spark.local.dir": str(scratch),
                    "spark.sql.shuffle.partitions": str(2 * common.THREADS),
                    "spark.sql.parquet.compression.codec": "zstd",
                    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}
        command = [os.path.join(os.environ["SPARK_HOME"], "bin", "spark-sql"), "-S"]
        for name, value in settings.items():
            command += ["--conf", f"{name}={value}"]
        self.log = open(scratch / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, cwd=scratch)

    def run(self, sql):
        self.process.stdin.write(f"{sql};\nSELECT 'done' || 'here';\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.strip() == "donehere":
                break
        else:
            self.fail(sql)
        self.log.seek(0)
        if any(FAILED.match(line) for line in self.log):
            self.fail(sql)

    def fail(self, sql):
        self.log.seek(0)
        said = [line for line in self.log if not line.startswith("\tat ")]
        raise SystemExit(f"spark-sql: {sql}\n{''.join(said)[-1500:]}")

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            self.fail("(end)")


def write(spark, places, select, *names):
    for name in names:
        form = ("csv OPTIONS (header 'true', timestampNTZFormat 'yyyy-MM-dd HH:mm:ss')"
                if name.endswith(".csv") else "parquet")
        spark.run(f"INSERT OVERWRITE DIRECTORY '{places.out / name}' USING {form} {select}")


def clean(spark, places):
    types = {"vin": "STRING", "timestamp": "STRING"}
    types |= {name: "DOUBLE" for name in common.REALS} | {name: "BIGINT" for name in common.WHOLES}
    fill = {"temp_moteur": "coalesce(temp_moteur, 90.0e0)", "vitesse": "coalesce(vitesse, 0)"}
    filled = ", ".join(f"{fill[n]} AS {n}" if n in fill else n for n in types)
    spark.run(f"CREATE TEMPORARY VIEW raw ({', '.join(f'{n} {t}' for n, t in types.items())}) "
              f"USING json OPTIONS (path '{places.json}')")
    spark.run(f"""CREATE TABLE telemetry USING parquet PARTITIONED BY (event_date)
        LOCATION '{places.out / 'silver/telemetry_parquet'}' AS
        SELECT {', '.join('min(timestamp) AS timestamp' if n == 'timestamp' else n
                          for n in common.SILVER if n != 'event_date')},
               CAST(event_ts AS DATE) AS event_date
        FROM (SELECT {filled}, CAST(timestamp AS TIMESTAMP_NTZ) AS event_ts FROM raw)
        GROUP BY {', '.join(common.ORDER)}""")
    write(spark, places, f"SELECT {', '.join(common.SILVER)} FROM telemetry "
          f"ORDER BY {', '.join(common.ORDER)}", "silver/telemetry_clean.csv")


def features(spark, places):
    pandas.DataFrame(places.vehicles(), columns=["vin", "modele", "annee"]).to_parquet(
        places.scratch / "register.parquet")
    spark.run("CREATE TEMPORARY VIEW register USING parquet "
              f"OPTIONS (path '{places.scratch / 'register.parquet'}')")
    spark.run("CREATE TEMPORARY VIEW maintenance (vin STRING, date_last_revis DATE, type STRING, "
              f"km_derniere_revis BIGINT) USING csv OPTIONS (path '{places.maintenance}', header 'true')")
    spark.run("""CREATE TEMPORARY VIEW entretien AS
        SELECT *, row_number() OVER (PARTITION BY vin ORDER BY date_last_revis DESC NULLS LAST,
            km_derniere_revis DESC NULLS LAST, type) AS rang FROM maintenance""")
    means = ", ".join(f"avg({measure}) AS {name}" for measure, name in common.MEANS)
    spark.run(f"""CREATE TABLE features USING parquet LOCATION '{places.scratch / 'features'}' AS
        SELECT *, CASE WHEN jours_revis IS NULL OR temp_moyenne IS NULL THEN NULL
                       ELSE least(100, 0.6e0 * temp_moyenne + 0.4e0 * age_score) END AS score_risque
        FROM (SELECT m.*, date_last_revis, type, km_derniere_revis, modele, annee,
                datediff(DATE '{common.RUN_DATE}', date_last_revis) AS jours_revis,
                datediff(DATE '{common.RUN_DATE}', date_last_revis) / 365 * 100 AS age_score,
                km_actuel - km_derniere_revis AS km_depuis_revis
            FROM (SELECT vin, {means} FROM telemetry GROUP BY vin) m
            JOIN entretien e ON e.vin = m.vin AND rang = 1
            JOIN register r ON r.vin = m.vin)""")


def predict(spark, places):
    keys = pandas.read_parquet(places.scratch / "features", columns=["vin", *common.INPUTS])
    lifetimes = dict(pandas.read_csv(places.lifetimes)[["piece", "km_median"]].itertuples(index=False))
    answers = common.predict(places.model, keys[list(common.INPUTS)].to_numpy(), lifetimes)
    pandas.DataFrame(answers).assign(vin=keys["vin"]).to_parquet(places.scratch / "answers.parquet")
    spark.run("CREATE TEMPORARY VIEW predictions USING parquet "
              f"OPTIONS (path '{places.scratch / 'answers.parquet'}')")


def main():
    places = common.Places()
    places.scratch = places.out / "scratch"
    places.scratch.mkdir()
    spark = Session(places.scratch)
    clean(spark, places)
    features(spark, places)
    predict(spark, places)
    write(spark, places, f"SELECT {', '.join(common.REPORTING)} FROM features JOIN predictions USING (vin) "
          "ORDER BY vin", "gold/reporting_final.csv", "gold/reporting_final.parquet")
    write(spark, places, "SELECT * FROM entretien ORDER BY vin, rang", "gold/entretien.parquet")
    days = ", ".join(f"avg({name}) AS {name}" for name in common.DAYS)
    write(spark, places, f"SELECT vin, event_date, count(*) AS messages, {days} FROM telemetry "
          "GROUP BY vin, event_date ORDER BY vin, event_date", "gold/vehicule_jour.parquet")
    for period, key in common.PERIODS:
        unit = {"jour": "DAY", "semaine": "WEEK", "mois": "MONTH"}[period]
        write(spark, places, f"""SELECT CAST(date_trunc('{unit}', event_date) AS DATE) AS {key},
                count(DISTINCT vin) AS vehicules_actifs,
                count_if(type_panne_predit <> 0) AS pannes_predites,
                avg(prob_panne) AS prob_panne_moy, avg(temp_moteur) AS temp_moy,
                avg(voltage_batterie) AS voltage_moy,
                count(DISTINCT CASE WHEN type_panne_predit <> 0 THEN vin END) AS vehicules_a_risque
            FROM telemetry LEFT JOIN predictions USING (vin) GROUP BY 1 ORDER BY 1""",
              f"gold/aggregations/pannes_par_{period}.csv",
              f"gold/aggregations/pannes_par_{period}.parquet")
    spark.close()


main()
