-- The reasons of the fleet's predictions.
-- grain: one vehicle; key: vin
-- sources: reporting_final
-- rules: in the order of the file
SELECT raisons
FROM reporting_final
