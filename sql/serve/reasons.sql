-- Why records were refused.
-- grain: one reason; key: reason
-- sources: records (the quarantine)
-- rules: a record with several reasons counts for each; the example is the first in file order
SELECT
    reason,
    count(*) AS records,
    min(source) AS source,
    arg_min(position, (source, position)) AS position
FROM (
    SELECT source, position, unnest(string_split(reasons, '|')) AS reason FROM records
) AS single
GROUP BY reason
ORDER BY records DESC, reason
