-- The telemetry files that the next run of this date need not read.
-- grain: one file; key: path
-- sources: taken (read by this run), taken_publies (by earlier ones)
SELECT path, bytes, mtime, inode FROM taken
UNION ALL
SELECT path, bytes, mtime, inode FROM taken_publies
