-- Vehicles that send but cannot be scored: none vanishes silently.
-- grain: one vehicle; key: vin
-- sources: mesures, maintenance, vehicules
-- rules: what a vehicle lacks is 1: a service record, a row of the register
SELECT
    m.vin,
    CAST(CASE WHEN e.vin IS NULL THEN 1 ELSE 0 END AS BIGINT) AS sans_entretien,
    CAST(CASE WHEN r.vin IS NULL THEN 1 ELSE 0 END AS BIGINT) AS sans_registre
FROM mesures AS m
LEFT JOIN (SELECT DISTINCT vin FROM maintenance) AS e ON e.vin = m.vin
LEFT JOIN (SELECT DISTINCT vin FROM vehicules) AS r ON r.vin = m.vin
WHERE e.vin IS NULL OR r.vin IS NULL
