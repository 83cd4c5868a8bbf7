-- What a vehicle sent in a week, as far as it lies in one month: weeks and months are made of these.
-- grain: one vehicle in one week of one month; key: vin, week_start, month_start
-- sources: sommes_jour (counts and exact sums of a vehicle's day; lake_sum() of src/lake/lake.h)
-- rules: a week starts on Monday; one that two months share is two rows
SELECT
    vin,
    week_start,
    month_start,
    CAST(sum(messages) AS BIGINT) AS messages,
    CAST(sum(n_temp_moteur) AS BIGINT) AS n_temp_moteur,
    sum(s_temp_moteur) AS s_temp_moteur,
    CAST(sum(n_voltage_batterie) AS BIGINT) AS n_voltage_batterie,
    sum(s_voltage_batterie) AS s_voltage_batterie
FROM (
    SELECT
        vin,
        CAST(date_trunc('week', event_date) AS DATE) AS week_start,
        CAST(date_trunc('month', event_date) AS DATE) AS month_start,
        messages,
        n_temp_moteur,
        s_temp_moteur,
        n_voltage_batterie,
        s_voltage_batterie
    FROM sommes_jour
) AS jours
GROUP BY vin, week_start, month_start
