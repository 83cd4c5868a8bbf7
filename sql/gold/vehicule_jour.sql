-- A vehicle's days, for its curves.
-- grain: one vehicle on one day; key: vin, event_date
-- sources: sommes_jour (counts and exact sums of a vehicle's day; lake_sum() of src/lake/lake.h)
-- rules: a measure that is missing all day is NULL
SELECT
    vin,
    event_date,
    messages,
    CAST(s_temp_moteur AS DOUBLE) / n_temp_moteur AS temp_moteur,
    CAST(s_vitesse AS DOUBLE) / n_vitesse AS vitesse,
    CAST(s_km_actuel AS DOUBLE) / n_km_actuel AS km_actuel,
    CAST(s_pression_huile AS DOUBLE) / n_pression_huile AS pression_huile,
    CAST(s_regime_moteur AS DOUBLE) / n_regime_moteur AS regime_moteur,
    CAST(s_voltage_batterie AS DOUBLE) / n_voltage_batterie AS voltage_batterie,
    CAST(s_temps_0_100 AS DOUBLE) / n_temps_0_100 AS temps_0_100,
    CAST(s_conso_essence AS DOUBLE) / n_conso_essence AS conso_essence,
    CAST(s_pression_injection AS DOUBLE) / n_pression_injection AS pression_injection
FROM sommes_jour
