-- What is known of a vehicle before the model speaks.
-- grain: one vehicle; key: vin
-- sources: mesures, entretien (rang 1), registre
-- rules: inner joins: a vehicle without service record or register row is an orphan, counted and
--        reported, not scored; without a service date jours_revis, age_score and score_risque are
--        NULL (least() would pass over a NULL, hence the CASE)
SELECT
    m.vin,
    m.temp_moyenne,
    m.km_actuel,
    m.pression_huile,
    m.regime_moteur,
    m.voltage_batterie,
    m.temps_0_100,
    m.conso_essence,
    m.pression_injection,
    e.date_last_revis,
    e.type,
    e.km_derniere_revis,
    days_between(e.date_last_revis, run_date()) AS jours_revis,
    r.modele,
    r.annee,
    days_between(e.date_last_revis, run_date()) / 365e0 * 100e0 AS age_score,
    CASE
        WHEN e.date_last_revis IS NULL OR m.temp_moyenne IS NULL THEN NULL
        ELSE least(
            100e0,
            0.6e0 * m.temp_moyenne
            + 0.4e0 * (days_between(e.date_last_revis, run_date()) / 365e0 * 100e0)
        )
    END AS score_risque,
    m.km_actuel - e.km_derniere_revis AS km_depuis_revis
FROM mesures AS m
INNER JOIN entretien AS e ON e.vin = m.vin AND e.rang = 1
INNER JOIN registre AS r ON r.vin = m.vin
