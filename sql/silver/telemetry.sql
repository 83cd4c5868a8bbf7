-- Messages with the defaults of what is missing, before repetitions are taken out.
-- grain: one accepted message; key: none
-- sources: telemetry_messages (what the record parser let through)
-- rules: a missing measure with a default takes it (features.def); the engine makes one row of
--        messages of one vin and instant with the same values, with the first of their texts of
--        the instant (lake_define_distinct(), silver.c); with other values all stay
SELECT
    conso_essence,
    km_actuel,
    pression_huile,
    pression_injection,
    regime_moteur,
    coalesce(temp_moteur, missing_temp_moteur()) AS temp_moteur,
    temps_0_100,
    timestamp,
    vin,
    coalesce(vitesse, CAST(missing_vitesse() AS BIGINT)) AS vitesse,
    voltage_batterie,
    event_ts,
    CAST(event_ts AS DATE) AS event_date
FROM telemetry_messages
