-- One vehicle in this run and those before it, latest first.
-- grain: one run; key: run_date
-- sources: passe (reporting_final of all run dates)
-- rules: $1 is the VIN, $2 the run date; at most 60 runs
SELECT
    run_date,
    statut,
    type_panne_predit,
    prob_panne,
    sante,
    km_avant_panne
FROM passe
WHERE vin = $1 AND run_date <= CAST($2 AS DATE)
ORDER BY run_date DESC
LIMIT 60
