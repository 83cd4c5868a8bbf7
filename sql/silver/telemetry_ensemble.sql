-- Clean telemetry of a run that goes on from what an earlier one of its date left.
-- grain: one distinct message; key: as telemetry
-- sources: telemetry_jours (the days that new messages fall on), telemetry_publiee (the others)
SELECT
    conso_essence, km_actuel, pression_huile, pression_injection, regime_moteur, temp_moteur,
    temps_0_100, timestamp, vin, vitesse, voltage_batterie, event_ts, event_date
FROM telemetry_jours
UNION ALL
SELECT
    conso_essence, km_actuel, pression_huile, pression_injection, regime_moteur, temp_moteur,
    temps_0_100, timestamp, vin, vitesse, voltage_batterie, event_ts, event_date
FROM telemetry_publiee
WHERE event_date NOT IN (SELECT event_date FROM telemetry_jours)
