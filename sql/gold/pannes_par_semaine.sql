-- Activity and predicted failures by week.
-- grain: one week; key: week_start
-- sources: sommes_periode, predictions
-- rules: left join: a vehicle without a prediction is active and counts as no failure;
--        pannes_predites counts messages, as the reference does; vehicules_a_risque counts vehicles,
--        each of which is one row a week here; prob_panne_moy is over messages whose vehicle has a
--        prediction
SELECT
    v.week_start,
    count(*) AS vehicules_actifs,
    CAST(sum(CASE WHEN p.type_panne_predit <> 0 THEN v.messages ELSE 0 END) AS BIGINT)
        AS pannes_predites,
    CAST(sum(CAST(p.prob_panne AS DECIMAL(18, 12)) * CAST(v.messages AS DECIMAL(18, 0))) AS DOUBLE)
    / sum(CASE WHEN p.prob_panne IS NOT NULL THEN v.messages END) AS prob_panne_moy,
    CAST(sum(v.s_temp_moteur) AS DOUBLE) / sum(v.n_temp_moteur) AS temp_moy,
    CAST(sum(v.s_voltage_batterie) AS DOUBLE) / sum(v.n_voltage_batterie) AS voltage_moy,
    CAST(sum(CASE WHEN p.type_panne_predit <> 0 THEN 1 ELSE 0 END) AS BIGINT)
        AS vehicules_a_risque
FROM (
    SELECT
        vin,
        week_start,
        CAST(sum(messages) AS BIGINT) AS messages,
        CAST(sum(n_temp_moteur) AS BIGINT) AS n_temp_moteur,
        sum(s_temp_moteur) AS s_temp_moteur,
        CAST(sum(n_voltage_batterie) AS BIGINT) AS n_voltage_batterie,
        sum(s_voltage_batterie) AS s_voltage_batterie
    FROM sommes_periode
    GROUP BY vin, week_start
) AS v
LEFT JOIN predictions AS p ON p.vin = v.vin
GROUP BY v.week_start
