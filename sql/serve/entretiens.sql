-- The services of one vehicle, latest first.
-- grain: one service; key: rang
-- sources: entretien, asked (the VIN that was asked for)
-- rules: as ranked in gold
SELECT
    e.date_last_revis,
    e.type,
    e.km_derniere_revis
FROM entretien AS e
INNER JOIN asked AS a ON a.vin = e.vin
ORDER BY e.rang
