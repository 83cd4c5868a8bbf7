-- Refused records as they came, in the order of the files.
-- grain: one record; key: source, position
-- sources: records (the quarantine)
-- rules: $1 is a reason code, or empty: all; $2 rows from $3 on; of each record its first 8000 bytes,
-- as hexadecimal digits
SELECT
    source,
    position,
    reasons,
    octet_length(raw) AS raw_bytes,
    substr(hex(raw), 1, 16000) AS raw_hex
FROM records
WHERE $1 = '' OR list_contains(string_split(reasons, '|'), $1)
ORDER BY source, position
LIMIT CAST($2 AS BIGINT) OFFSET CAST($3 AS BIGINT)
