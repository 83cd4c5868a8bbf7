-- The quarantine of a run that goes on from what an earlier one of its date left.
-- grain: one refused record; key: source, position
-- sources: records (of this run), records_publies (of the earlier one)
-- rules: of the earlier run only telemetry stays: the other tables are read by every run
SELECT source, position, raw, reasons FROM records
UNION ALL
SELECT source, position, raw, reasons FROM records_publies
WHERE source LIKE '%/json/%' OR source LIKE '%/parquet/%'
