-- Activity and predicted failures by week.
-- grain: one week; key: week_start
-- sources: messages_scores
-- rules: pannes_predites counts messages, as the reference does; vehicules_a_risque counts vehicles;
--        prob_panne_moy is over messages whose vehicle has a prediction
SELECT
    week_start,
    count(DISTINCT vin) AS vehicules_actifs,
    count(CASE WHEN type_panne_predit <> 0 THEN 1 END) AS pannes_predites,
    CAST(sum(CAST(prob_panne AS DECIMAL(38, 12))) AS DOUBLE) / count(prob_panne) AS prob_panne_moy,
    CAST(sum(CAST(temp_moteur AS DECIMAL(38, 12))) AS DOUBLE) / count(temp_moteur) AS temp_moy,
    CAST(sum(CAST(voltage_batterie AS DECIMAL(38, 12))) AS DOUBLE) / count(voltage_batterie)
        AS voltage_moy,
    count(DISTINCT CASE WHEN type_panne_predit <> 0 THEN vin END) AS vehicules_a_risque
FROM messages_scores
GROUP BY week_start
