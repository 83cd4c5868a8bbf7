-- How long parts last, for a lake without piece_lifetime.csv.
-- grain: one part; key: piece
-- sources: data_historique_pannes, pannes (class number and name)
-- rules: km_depuis_revis of the readings that a failure of the part followed; the median of an even
--        number of readings is the mean of the two in the middle; whole km, cut off
SELECT
    p.panne AS piece,
    CAST(CAST(floor(median(h.km_depuis_revis)) AS BIGINT) AS DOUBLE) AS km_median,
    CAST(CAST(floor(min(h.km_depuis_revis)) AS BIGINT) AS DOUBLE) AS km_min,
    CAST(CAST(floor(max(h.km_depuis_revis)) AS BIGINT) AS DOUBLE) AS km_max
FROM data_historique_pannes AS h
INNER JOIN pannes AS p ON p.code = h.type_panne
WHERE h.type_panne <> 0 AND h.km_depuis_revis IS NOT NULL
GROUP BY p.panne
