-- The figures of a fleet, for the trend over runs.
-- grain: one statut; key: statut
-- sources: reporting_final, prob_a_surveiller() (the threshold of fleet/status.c)
-- rules: a statut without a vehicle is left out
SELECT
    statut,
    count(*) AS vehicules,
    sum(CASE WHEN type_panne_predit <> 0 THEN 1 ELSE 0 END) AS interventions,
    sum(CASE WHEN prob_panne >= prob_a_surveiller() THEN 1 ELSE 0 END) AS a_surveiller,
    sum(CASE WHEN date_last_revis IS NULL THEN 1 ELSE 0 END) AS sans_date_revision
FROM reporting_final
GROUP BY statut
