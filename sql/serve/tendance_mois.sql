-- The telemetry over time, oldest first.
-- grain: one month; key: month_start
-- sources: pannes_par_mois
-- rules: as in gold
SELECT
    month_start,
    vehicules_actifs,
    pannes_predites,
    vehicules_a_risque,
    prob_panne_moy,
    temp_moy,
    voltage_moy
FROM pannes_par_mois
ORDER BY month_start
