-- A vehicle's days, for its curves.
-- grain: one vehicle on one day; key: vin, event_date
-- sources: telemetry
-- rules: means summed as decimals, as in mesures
SELECT
    vin,
    event_date,
    count(*) AS messages,
    CAST(sum(CAST(temp_moteur AS DECIMAL(38, 12))) AS DOUBLE) / count(temp_moteur) AS temp_moteur,
    CAST(sum(CAST(vitesse AS DECIMAL(38, 12))) AS DOUBLE) / count(vitesse) AS vitesse,
    CAST(sum(CAST(km_actuel AS DECIMAL(38, 12))) AS DOUBLE) / count(km_actuel) AS km_actuel,
    CAST(sum(CAST(pression_huile AS DECIMAL(38, 12))) AS DOUBLE) / count(pression_huile)
        AS pression_huile,
    CAST(sum(CAST(regime_moteur AS DECIMAL(38, 12))) AS DOUBLE) / count(regime_moteur)
        AS regime_moteur,
    CAST(sum(CAST(voltage_batterie AS DECIMAL(38, 12))) AS DOUBLE) / count(voltage_batterie)
        AS voltage_batterie,
    CAST(sum(CAST(temps_0_100 AS DECIMAL(38, 12))) AS DOUBLE) / count(temps_0_100) AS temps_0_100,
    CAST(sum(CAST(conso_essence AS DECIMAL(38, 12))) AS DOUBLE) / count(conso_essence)
        AS conso_essence,
    CAST(sum(CAST(pression_injection AS DECIMAL(38, 12))) AS DOUBLE) / count(pression_injection)
        AS pression_injection
FROM telemetry
GROUP BY vin, event_date
