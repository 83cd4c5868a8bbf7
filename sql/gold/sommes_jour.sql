-- Sums of a vehicle's day: telemetry is read once, every mean comes from these.
-- grain: one vehicle on one day; key: vin, event_date
-- sources: telemetry
-- rules: n_ counts and s_ sums a measure's values; sums are decimals or whole, so that they are the
--        same in any order of the rows, and sums of sums too; no measure that is let through
--        (features.def) has more than six digits before its point
SELECT
    vin,
    event_date,
    count(*) AS messages,
    count(temp_moteur) AS n_temp_moteur,
    sum(CAST(temp_moteur AS DECIMAL(18, 12))) AS s_temp_moteur,
    count(vitesse) AS n_vitesse,
    sum(vitesse) AS s_vitesse,
    count(km_actuel) AS n_km_actuel,
    sum(km_actuel) AS s_km_actuel,
    count(pression_huile) AS n_pression_huile,
    sum(CAST(pression_huile AS DECIMAL(18, 12))) AS s_pression_huile,
    count(regime_moteur) AS n_regime_moteur,
    sum(regime_moteur) AS s_regime_moteur,
    count(voltage_batterie) AS n_voltage_batterie,
    sum(CAST(voltage_batterie AS DECIMAL(18, 12))) AS s_voltage_batterie,
    count(temps_0_100) AS n_temps_0_100,
    sum(CAST(temps_0_100 AS DECIMAL(18, 12))) AS s_temps_0_100,
    count(conso_essence) AS n_conso_essence,
    sum(CAST(conso_essence AS DECIMAL(18, 12))) AS s_conso_essence,
    count(pression_injection) AS n_pression_injection,
    sum(CAST(pression_injection AS DECIMAL(18, 12))) AS s_pression_injection
FROM telemetry
GROUP BY vin, event_date
