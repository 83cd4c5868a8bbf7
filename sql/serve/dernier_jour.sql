-- The last day that telemetry came from.
-- grain: one row
-- sources: pannes_par_jour
-- rules: NULL without telemetry
SELECT max(event_date) AS event_date FROM pannes_par_jour
