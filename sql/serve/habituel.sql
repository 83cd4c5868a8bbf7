-- What is usual for the model's inputs: 5 and 95 % of the vehicles predicted sound.
-- grain: one row
-- sources: reporting_final
-- rules: the number of vehicles, then low and high of each input in the model's order
SELECT
    count(*) AS vehicules,
    quantile_disc(temp_moyenne, 0.05) AS temp_moyenne_05,
    quantile_disc(temp_moyenne, 0.95) AS temp_moyenne_95,
    quantile_disc(pression_huile, 0.05) AS pression_huile_05,
    quantile_disc(pression_huile, 0.95) AS pression_huile_95,
    quantile_disc(regime_moteur, 0.05) AS regime_moteur_05,
    quantile_disc(regime_moteur, 0.95) AS regime_moteur_95,
    quantile_disc(voltage_batterie, 0.05) AS voltage_batterie_05,
    quantile_disc(voltage_batterie, 0.95) AS voltage_batterie_95,
    quantile_disc(km_actuel, 0.05) AS km_actuel_05,
    quantile_disc(km_actuel, 0.95) AS km_actuel_95,
    quantile_disc(km_depuis_revis, 0.05) AS km_depuis_revis_05,
    quantile_disc(km_depuis_revis, 0.95) AS km_depuis_revis_95,
    quantile_disc(temps_0_100, 0.05) AS temps_0_100_05,
    quantile_disc(temps_0_100, 0.95) AS temps_0_100_95,
    quantile_disc(conso_essence, 0.05) AS conso_essence_05,
    quantile_disc(conso_essence, 0.95) AS conso_essence_95,
    quantile_disc(pression_injection, 0.05) AS pression_injection_05,
    quantile_disc(pression_injection, 0.95) AS pression_injection_95
FROM reporting_final
WHERE type_panne_predit = 0
