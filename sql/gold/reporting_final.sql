-- The fleet, scored: the table that people and the dashboard read.
-- grain: one vehicle; key: vin
-- sources: features, predictions (the model's answer and what fleet/status.c makes of it),
--          statuts and niveaux (names of the codes)
-- rules: the first 21 columns are the contract's, in its order
SELECT
    f.vin,
    f.temp_moyenne,
    f.km_actuel,
    f.pression_huile,
    f.regime_moteur,
    f.voltage_batterie,
    f.temps_0_100,
    f.conso_essence,
    f.pression_injection,
    f.date_last_revis,
    f.type,
    f.km_derniere_revis,
    CAST(f.jours_revis AS BIGINT) AS jours_revis,
    f.modele,
    f.annee,
    f.age_score,
    f.score_risque,
    s.statut,
    f.km_depuis_revis,
    p.type_panne_predit,
    p.prob_panne,
    p.sante,
    n.niveau AS niveau_alerte,
    p.km_avant_panne,
    p.p_0,
    p.p_1,
    p.p_2,
    p.p_3,
    p.p_4,
    p.p_5,
    p.raisons
FROM features AS f
INNER JOIN predictions AS p ON p.vin = f.vin
INNER JOIN statuts AS s ON s.code = p.statut_code
INNER JOIN niveaux AS n ON n.code = p.niveau_code
