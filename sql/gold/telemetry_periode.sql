-- Telemetry of several run dates, for gold over history.
-- grain: one distinct message; key: as telemetry
-- sources: telemetry_run (of the run date), telemetry_passee (published silver of all run dates)
-- rules: run dates from since() to before the run date; a message that came under several of them
--        is one row, as in silver; the instant's text is the first of them in text order
SELECT
    conso_essence, km_actuel, pression_huile, pression_injection, regime_moteur, temp_moteur,
    temps_0_100, min(timestamp) AS timestamp, vin, vitesse, voltage_batterie, event_ts, event_date
FROM (
    SELECT
        conso_essence, km_actuel, pression_huile, pression_injection, regime_moteur, temp_moteur,
        temps_0_100, timestamp, vin, vitesse, voltage_batterie, event_ts, event_date
    FROM telemetry_run
    UNION ALL
    SELECT
        conso_essence, km_actuel, pression_huile, pression_injection, regime_moteur, temp_moteur,
        temps_0_100, timestamp, vin, vitesse, voltage_batterie, event_ts, event_date
    FROM telemetry_passee
    WHERE run_date >= since() AND run_date < run_date()
) AS every_run
GROUP BY
    conso_essence, km_actuel, pression_huile, pression_injection, regime_moteur, temp_moteur,
    temps_0_100, vin, vitesse, voltage_batterie, event_ts, event_date
