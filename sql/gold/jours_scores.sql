-- A vehicle's days beside what was predicted for it: the base of the aggregations.
-- grain: one vehicle on one day; key: vin, event_date
-- sources: sommes_jour, predictions
-- rules: left join: a vehicle without a prediction is active and counts as no failure; a week starts
--        on Monday
SELECT
    j.vin,
    j.event_date,
    CAST(date_trunc('week', j.event_date) AS DATE) AS week_start,
    CAST(date_trunc('month', j.event_date) AS DATE) AS month_start,
    j.messages,
    j.n_temp_moteur,
    j.s_temp_moteur,
    j.n_voltage_batterie,
    j.s_voltage_batterie,
    p.prob_panne,
    coalesce(p.type_panne_predit, 0) AS type_panne_predit
FROM sommes_jour AS j
LEFT JOIN predictions AS p ON p.vin = j.vin
