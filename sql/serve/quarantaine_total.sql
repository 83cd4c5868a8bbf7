-- How many records were refused.
-- grain: one row
-- sources: records (the quarantine)
-- rules: $1 is a reason code, or empty: all
SELECT count(*) AS records FROM records WHERE $1 = '' OR list_contains(string_split(reasons, '|'), $1)
