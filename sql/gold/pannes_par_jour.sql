-- Activity and predicted failures by day.
-- grain: one day; key: event_date
-- sources: sommes_jour, predictions
-- rules: left join: a vehicle without a prediction is active and counts as no failure;
--        pannes_predites counts messages, as the reference does; vehicules_a_risque counts vehicles,
--        each of which is one row a day; prob_panne_moy is over messages whose vehicle has a
--        prediction
SELECT
    j.event_date,
    count(*) AS vehicules_actifs,
    CAST(sum(CASE WHEN p.type_panne_predit <> 0 THEN j.messages ELSE 0 END) AS BIGINT)
        AS pannes_predites,
    CAST(sum(CAST(p.prob_panne AS DECIMAL(18, 12)) * CAST(j.messages AS DECIMAL(18, 0))) AS DOUBLE)
    / sum(CASE WHEN p.prob_panne IS NOT NULL THEN j.messages END) AS prob_panne_moy,
    CAST(sum(j.s_temp_moteur) AS DOUBLE) / sum(j.n_temp_moteur) AS temp_moy,
    CAST(sum(j.s_voltage_batterie) AS DOUBLE) / sum(j.n_voltage_batterie) AS voltage_moy,
    CAST(sum(CASE WHEN p.type_panne_predit <> 0 THEN 1 ELSE 0 END) AS BIGINT)
        AS vehicules_a_risque
FROM sommes_jour AS j
LEFT JOIN predictions AS p ON p.vin = j.vin
GROUP BY j.event_date
