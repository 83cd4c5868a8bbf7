-- Clean telemetry.
-- grain: one distinct message; key: vin, event_ts, then the measures
-- sources: telemetry_messages (what the record parser let through)
-- rules: a missing measure with a default takes it (features.def); messages of one vin and instant
--        with the same values are one row, with other values all stay; the instant's text is the
--        first of the duplicates' in text order
SELECT
    conso_essence,
    km_actuel,
    pression_huile,
    pression_injection,
    regime_moteur,
    temp_moteur,
    temps_0_100,
    min(timestamp) AS timestamp,
    vin,
    vitesse,
    voltage_batterie,
    event_ts,
    CAST(event_ts AS DATE) AS event_date
FROM (
    SELECT
        vin,
        timestamp,
        event_ts,
        coalesce(temp_moteur, missing_temp_moteur()) AS temp_moteur,
        coalesce(vitesse, CAST(missing_vitesse() AS BIGINT)) AS vitesse,
        km_actuel,
        pression_huile,
        regime_moteur,
        voltage_batterie,
        temps_0_100,
        conso_essence,
        pression_injection
    FROM telemetry_messages
) AS complete
GROUP BY
    vin, event_ts, temp_moteur, vitesse, km_actuel, pression_huile, regime_moteur,
    voltage_batterie, temps_0_100, conso_essence, pression_injection
