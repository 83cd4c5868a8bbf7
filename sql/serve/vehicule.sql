-- One vehicle as it was rated.
-- grain: one vehicle; key: vin
-- sources: reporting_final
-- rules: $1 is the VIN; first the columns of top.sql, then the model year, then the model's inputs in its order
SELECT
    f.vin,
    f.modele,
    f.statut,
    f.type_panne_predit,
    f.prob_panne,
    f.sante,
    f.km_avant_panne,
    f.km_depuis_revis,
    f.score_risque,
    f.raisons,
    f.annee,
    f.temp_moyenne,
    f.pression_huile,
    f.regime_moteur,
    f.voltage_batterie,
    f.km_actuel,
    f.km_depuis_revis AS km_depuis_revis_mesure,
    f.temps_0_100,
    f.conso_essence,
    f.pression_injection
FROM reporting_final AS f
WHERE f.vin = $1
