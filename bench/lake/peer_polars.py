"""The same outputs by Polars. usage: peer_polars.py BRONZE MODEL OUT"""
import os

import common

os.environ["POLARS_MAX_THREADS"] = str(common.THREADS)
import polars as pl  # noqa: E402  (reads the variable when it is loaded)


def write(table, places, order, *names):
    table = table.sort(order, nulls_last=True)
    for name in names:
        path = places.out / name
        if name.endswith(".csv"):
            table.write_csv(path)
        else:
            table.write_parquet(path, compression="zstd")


def clean(places):
    schema = {"vin": pl.String, "timestamp": pl.String}
    schema |= dict.fromkeys(common.REALS, pl.Float64) | dict.fromkeys(common.WHOLES, pl.Int64)
    key = [name for name in common.ORDER]
    return (pl.scan_ndjson(places.messages, schema=schema)
            .with_columns(pl.col("temp_moteur").fill_null(90.0), pl.col("vitesse").fill_null(0),
                          event_ts=pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S"))
            .group_by(key).agg(pl.col("timestamp").min())
            .with_columns(event_date=pl.col("event_ts").dt.date())
            .select(common.SILVER).sort(key, nulls_last=True).collect())


def main():
    places = common.Places()
    telemetry = clean(places)
    telemetry.write_csv(places.out / "silver/telemetry_clean.csv")
    for (day,), rows in telemetry.partition_by("event_date", as_dict=True, include_key=False).items():
        folder = places.out / f"silver/telemetry_parquet/event_date={day}"
        folder.mkdir(parents=True)
        rows.write_parquet(folder / "data.parquet", compression="zstd")
    services = pl.read_csv(places.maintenance, schema={
        "vin": pl.String, "date_last_revis": pl.Date, "type": pl.String,
        "km_derniere_revis": pl.Int64})
    services = services.sort(["vin", "date_last_revis", "km_derniere_revis", "type"],
                             descending=[False, True, True, False], nulls_last=True).with_columns(
        rang=pl.int_range(1, pl.len() + 1).over("vin"))
    write(services, places, ["vin", "rang"], "gold/entretien.parquet")
    register = pl.DataFrame(places.vehicles(), schema=["vin", "modele", "annee"], orient="row")
    run_date = pl.lit(common.RUN_DATE).str.to_date()
    features = (telemetry.lazy().group_by("vin")
                .agg([pl.col(measure).mean().alias(name) for measure, name in common.MEANS])
                .join(services.lazy().filter(pl.col("rang") == 1), on="vin")
                .join(register.lazy(), on="vin")
                .with_columns(jours_revis=(run_date - pl.col("date_last_revis")).dt.total_days())
                .with_columns(age_score=pl.col("jours_revis") / 365 * 100,
                              km_depuis_revis=pl.col("km_actuel") - pl.col("km_derniere_revis"))
                .with_columns(score_risque=(0.6 * pl.col("temp_moyenne")
                                            + 0.4 * pl.col("age_score")).clip(upper_bound=100.0))
                .sort("vin").collect())
    lifetimes = dict(pl.read_csv(places.lifetimes).select("piece", "km_median").rows())
    answers = pl.DataFrame(common.predict(
        places.model, features.select(common.INPUTS).to_numpy(), lifetimes))
    reporting = pl.concat([features, answers], how="horizontal").select(common.REPORTING)
    write(reporting, places, "vin", "gold/reporting_final.csv", "gold/reporting_final.parquet")
    days = telemetry.lazy().group_by("vin", "event_date").agg(
        pl.len().cast(pl.Int64).alias("messages"), *[pl.col(name).mean() for name in common.DAYS])
    write(days.collect(), places, ["vin", "event_date"], "gold/vehicule_jour.parquet")
    scored = telemetry.lazy().join(
        reporting.lazy().select("vin", "type_panne_predit", "prob_panne"), on="vin", how="left")
    fails = pl.col("type_panne_predit").fill_null(0) != 0
    for period, key in common.PERIODS:
        unit = {"jour": "1d", "semaine": "1w", "mois": "1mo"}[period]
        table = scored.group_by(pl.col("event_date").dt.truncate(unit).alias(key)).agg(
            vehicules_actifs=pl.col("vin").n_unique().cast(pl.Int64),
            pannes_predites=fails.sum().cast(pl.Int64), prob_panne_moy=pl.col("prob_panne").mean(),
            temp_moy=pl.col("temp_moteur").mean(), voltage_moy=pl.col("voltage_batterie").mean(),
            vehicules_a_risque=pl.col("vin").filter(fails).n_unique().cast(pl.Int64))
        write(table.collect(), places, key, f"gold/aggregations/pannes_par_{period}.csv",
              f"gold/aggregations/pannes_par_{period}.parquet")


main()
