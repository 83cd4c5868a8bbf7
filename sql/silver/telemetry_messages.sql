-- Messages to clean when a run goes on from what an earlier one of its date left.
-- grain: one accepted message, or one that is clean already; key: none
-- sources: telemetry_nouvelle (from files that no run has read), telemetry_publiee (silver)
-- rules: a day that new messages fall on is cleaned again as a whole, so that duplicates are found
--        across runs; a clean message stays what it is when it is cleaned again
SELECT
    vin, timestamp, event_ts, temp_moteur, vitesse, km_actuel, pression_huile, regime_moteur,
    voltage_batterie, temps_0_100, conso_essence, pression_injection, event_date
FROM telemetry_nouvelle
UNION ALL
SELECT
    vin, timestamp, event_ts, temp_moteur, vitesse, km_actuel, pression_huile, regime_moteur,
    voltage_batterie, temps_0_100, conso_essence, pression_injection, event_date
FROM telemetry_publiee
WHERE event_date IN (SELECT event_date FROM telemetry_nouvelle)
