-- Mean measures of a vehicle.
-- grain: one vehicle; key: vin
-- sources: telemetry
-- rules: means are summed as decimals, so that they are the same in any order of the rows; a measure
--        that is missing in all messages stays NULL
SELECT
    vin,
    CAST(sum(CAST(temp_moteur AS DECIMAL(38, 12))) AS DOUBLE) / count(temp_moteur) AS temp_moyenne,
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
GROUP BY vin
