-- Activity and predicted failures by month.
-- grain: one month; key: month_start
-- sources: jours_scores
-- rules: pannes_predites counts messages, as the reference does; vehicules_a_risque counts vehicles;
--        prob_panne_moy is over messages whose vehicle has a prediction; summed by vehicle first,
--        which takes less than counting distinct ones
SELECT
    month_start,
    count(*) AS vehicules_actifs,
    CAST(sum(pannes) AS BIGINT) AS pannes_predites,
    CAST(sum(s_prob) AS DOUBLE) / sum(n_prob) AS prob_panne_moy,
    CAST(sum(s_temp_moteur) AS DOUBLE) / sum(n_temp_moteur) AS temp_moy,
    CAST(sum(s_voltage_batterie) AS DOUBLE) / sum(n_voltage_batterie) AS voltage_moy,
    CAST(sum(a_risque) AS BIGINT) AS vehicules_a_risque
FROM (
    SELECT
        month_start,
        sum(CASE WHEN type_panne_predit <> 0 THEN messages ELSE 0 END) AS pannes,
        sum(CAST(prob_panne AS DECIMAL(18, 12)) * CAST(messages AS DECIMAL(18, 0))) AS s_prob,
        sum(CASE WHEN prob_panne IS NOT NULL THEN messages END) AS n_prob,
        sum(n_temp_moteur) AS n_temp_moteur,
        sum(s_temp_moteur) AS s_temp_moteur,
        sum(n_voltage_batterie) AS n_voltage_batterie,
        sum(s_voltage_batterie) AS s_voltage_batterie,
        max(CASE WHEN type_panne_predit <> 0 THEN 1 ELSE 0 END) AS a_risque
    FROM jours_scores
    GROUP BY month_start, vin
) AS vehicules
GROUP BY month_start
