-- Messages beside what was predicted for their vehicle: the base of the aggregations.
-- grain: one message; key: as telemetry
-- sources: telemetry, predictions
-- rules: left join: a vehicle without a prediction is active and counts as no failure; a week starts
--        on Monday
SELECT
    t.vin,
    t.event_date,
    CAST(date_trunc('week', t.event_date) AS DATE) AS week_start,
    CAST(date_trunc('month', t.event_date) AS DATE) AS month_start,
    t.temp_moteur,
    t.voltage_batterie,
    p.prob_panne,
    coalesce(p.type_panne_predit, 0) AS type_panne_predit
FROM telemetry AS t
LEFT JOIN predictions AS p ON p.vin = t.vin
