-- Mean measures of a vehicle.
-- grain: one vehicle; key: vin
-- sources: sommes_jour (counts and exact sums of a vehicle's day; lake_sum() of src/lake/lake.h)
-- rules: a measure that is missing in all messages stays NULL
SELECT
    vin,
    CAST(sum(s_temp_moteur) AS DOUBLE) / sum(n_temp_moteur) AS temp_moyenne,
    CAST(sum(s_km_actuel) AS DOUBLE) / sum(n_km_actuel) AS km_actuel,
    CAST(sum(s_pression_huile) AS DOUBLE) / sum(n_pression_huile) AS pression_huile,
    CAST(sum(s_regime_moteur) AS DOUBLE) / sum(n_regime_moteur) AS regime_moteur,
    CAST(sum(s_voltage_batterie) AS DOUBLE) / sum(n_voltage_batterie) AS voltage_batterie,
    CAST(sum(s_temps_0_100) AS DOUBLE) / sum(n_temps_0_100) AS temps_0_100,
    CAST(sum(s_conso_essence) AS DOUBLE) / sum(n_conso_essence) AS conso_essence,
    CAST(sum(s_pression_injection) AS DOUBLE) / sum(n_pression_injection) AS pression_injection
FROM sommes_jour
GROUP BY vin
