-- What the SELECT files take for granted, in DuckDB's words. Beside these functions the engine
-- defines constants: run_date() and so on.
CREATE MACRO days_between(first_day, last_day) AS date_diff('day', first_day, last_day);
