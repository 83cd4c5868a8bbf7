-- The fleet as the server keeps it in memory.
-- grain: one vehicle; key: vin
-- sources: reporting_final
-- rules: every column as it is, and the service date as a count of days since 1970
SELECT
    *,
    days_between(DATE '1970-01-01', date_last_revis) AS date_last_revis_jour
FROM reporting_final
