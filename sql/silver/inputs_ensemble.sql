-- The files behind a run that goes on from what an earlier one of its date left.
-- grain: one file; key: path
-- sources: inputs (read by this run), inputs_publies (of the earlier one)
-- rules: of the earlier run only telemetry stays: the other tables are read by every run
SELECT path, bytes, sha256, records FROM inputs
UNION ALL
SELECT path, bytes, sha256, records FROM inputs_publies
WHERE path LIKE '%/json/%' OR path LIKE '%/parquet/%'
