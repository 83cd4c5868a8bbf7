-- The telemetry over time, oldest first.
-- grain: one week; key: week_start
-- sources: pannes_par_semaine
-- rules: as in gold
SELECT
    week_start,
    vehicules_actifs,
    pannes_predites,
    vehicules_a_risque,
    prob_panne_moy,
    temp_moy,
    voltage_moy
FROM pannes_par_semaine
ORDER BY week_start
