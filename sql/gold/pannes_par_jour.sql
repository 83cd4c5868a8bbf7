-- Activity and predicted failures by day.
-- grain: one day; key: event_date
-- sources: jours_scores
-- rules: pannes_predites counts messages, as the reference does; vehicules_a_risque counts vehicles,
--        each of which is one row a day; prob_panne_moy is over messages whose vehicle has a
--        prediction
SELECT
    event_date,
    count(*) AS vehicules_actifs,
    CAST(sum(CASE WHEN type_panne_predit <> 0 THEN messages ELSE 0 END) AS BIGINT)
        AS pannes_predites,
    CAST(sum(CAST(prob_panne AS DECIMAL(18, 12)) * CAST(messages AS DECIMAL(18, 0))) AS DOUBLE)
    / sum(CASE WHEN prob_panne IS NOT NULL THEN messages END) AS prob_panne_moy,
    CAST(sum(s_temp_moteur) AS DOUBLE) / sum(n_temp_moteur) AS temp_moy,
    CAST(sum(s_voltage_batterie) AS DOUBLE) / sum(n_voltage_batterie) AS voltage_moy,
    CAST(sum(CASE WHEN type_panne_predit <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS vehicules_a_risque
FROM jours_scores
GROUP BY event_date
