-- What the SELECT files take for granted, in Spark's words. Beside these functions the engine
-- defines constants: run_date() and so on.
CREATE TEMPORARY FUNCTION days_between(first_day DATE, last_day DATE) RETURNS INT
RETURN datediff(last_day, first_day);
