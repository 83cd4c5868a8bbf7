"""The same outputs by pandas. usage: peer_pandas.py BRONZE MODEL OUT"""
import json
import pathlib

import pandas as pd

import common


def write(table, places, order, *names):
    table = table.sort_values(order)
    for name in names:
        if name.endswith(".csv"):
            table.to_csv(places.out / name, index=False)
        else:
            table.to_parquet(places.out / name, compression="zstd", index=False)


def clean(places):
    if places.one_message_files:
        messages = pd.DataFrame([json.loads(pathlib.Path(path).read_bytes())
                                 for path in places.messages])
    else:
        messages = pd.concat([pd.read_json(path, lines=True, engine="pyarrow")
                              for path in places.messages], ignore_index=True)
    instants = messages["timestamp"]
    if pd.api.types.is_datetime64_any_dtype(instants):  # pyarrow takes instants for what they are
        messages["timestamp"] = instants.dt.strftime("%Y-%m-%dT%H:%M:%S")
    messages["event_ts"] = pd.to_datetime(instants)
    messages["temp_moteur"] = messages["temp_moteur"].fillna(90.0)
    messages["vitesse"] = messages["vitesse"].fillna(0)
    telemetry = messages.sort_values([*common.ORDER, "timestamp"]).drop_duplicates(list(common.ORDER))
    telemetry["event_date"] = telemetry["event_ts"].dt.normalize()
    return telemetry[list(common.SILVER)]


def main():
    places = common.Places()
    telemetry = clean(places)
    telemetry.to_csv(places.out / "silver/telemetry_clean.csv", index=False)
    for day, rows in telemetry.groupby("event_date"):
        folder = places.out / f"silver/telemetry_parquet/event_date={day.date()}"
        folder.mkdir(parents=True)
        rows.drop(columns="event_date").to_parquet(folder / "data.parquet", compression="zstd",
                                                   index=False)
    services = pd.read_csv(places.maintenance, parse_dates=["date_last_revis"]).sort_values(
        ["vin", "date_last_revis", "km_derniere_revis", "type"],
        ascending=[True, False, False, True], na_position="last")
    services["rang"] = services.groupby("vin").cumcount() + 1
    write(services, places, ["vin", "rang"], "gold/entretien.parquet")
    register = pd.DataFrame(places.vehicles(), columns=["vin", "modele", "annee"])
    means = telemetry.groupby("vin", sort=True)[[measure for measure, _ in common.MEANS]].mean()
    features = (means.rename(columns=dict(common.MEANS)).reset_index()
                .merge(services[services["rang"] == 1], on="vin").merge(register, on="vin")
                .sort_values("vin", ignore_index=True))
    features["jours_revis"] = (pd.Timestamp(common.RUN_DATE)
                               - features["date_last_revis"]).dt.days.astype("Int64")
    features["age_score"] = features["jours_revis"] / 365 * 100
    features["score_risque"] = (0.6 * features["temp_moyenne"]
                                + 0.4 * features["age_score"]).clip(upper=100)
    features["km_depuis_revis"] = features["km_actuel"] - features["km_derniere_revis"]
    lifetimes = pd.read_csv(places.lifetimes).set_index("piece")["km_median"].to_dict()
    answers = common.predict(places.model, features[list(common.INPUTS)].to_numpy(), lifetimes)
    reporting = features.assign(**answers)[list(common.REPORTING)]
    write(reporting, places, "vin", "gold/reporting_final.csv", "gold/reporting_final.parquet")
    days = telemetry.groupby(["vin", "event_date"])
    days = days[list(common.DAYS)].mean().assign(messages=days.size()).reset_index()
    write(days[["vin", "event_date", "messages", *common.DAYS]], places, ["vin", "event_date"],
          "gold/vehicule_jour.parquet")
    scored = telemetry.merge(reporting[["vin", "type_panne_predit", "prob_panne"]], on="vin", how="left")
    scored["fails"] = scored["type_panne_predit"].fillna(0) != 0
    scored["failing"] = scored["vin"].where(scored["fails"])
    for period, key in common.PERIODS:
        code = {"jour": "D", "semaine": "W", "mois": "M"}[period]
        scored[key] = scored["event_date"].dt.to_period(code).dt.start_time
        table = scored.groupby(key).agg(
            vehicules_actifs=("vin", "nunique"), pannes_predites=("fails", "sum"),
            prob_panne_moy=("prob_panne", "mean"), temp_moy=("temp_moteur", "mean"),
            voltage_moy=("voltage_batterie", "mean"), vehicules_a_risque=("failing", "nunique"))
        write(table.reset_index(), places, key, f"gold/aggregations/pannes_par_{period}.csv",
              f"gold/aggregations/pannes_par_{period}.parquet")


main()
