-- The telemetry over time, oldest first.
-- grain: one day; key: event_date
-- sources: pannes_par_jour
-- rules: as in gold
SELECT
    event_date,
    vehicules_actifs,
    pannes_predites,
    vehicules_a_risque,
    prob_panne_moy,
    temp_moy,
    voltage_moy
FROM pannes_par_jour
ORDER BY event_date
