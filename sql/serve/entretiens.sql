-- The services of one vehicle, latest first.
-- grain: one service; key: rang
-- sources: entretien
-- rules: $1 is the VIN; as ranked in gold
SELECT
    e.date_last_revis,
    e.type,
    e.km_derniere_revis
FROM entretien AS e
WHERE e.vin = $1
ORDER BY e.rang
