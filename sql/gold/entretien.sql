-- Service history.
-- grain: one service of one vehicle; key: vin, rang
-- sources: maintenance
-- rules: rang 1 is the latest: by date (a service without a date is older than any), then by km, then
--        by type so that the order is always the same
SELECT
    vin,
    date_last_revis,
    type,
    km_derniere_revis,
    row_number() OVER (
        PARTITION BY vin
        ORDER BY date_last_revis DESC NULLS LAST, km_derniere_revis DESC NULLS LAST, type
    ) AS rang
FROM maintenance
