-- The fleet, most urgent first.
-- grain: one vehicle; key: vin
-- sources: reporting_final, statuts (most urgent last)
-- rules: by urgency, then probability, then vin; the first rows are the ones to call in
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
    f.raisons
FROM reporting_final AS f
INNER JOIN statuts AS s ON s.statut = f.statut
ORDER BY s.code DESC, f.prob_panne DESC, f.vin
