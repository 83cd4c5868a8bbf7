#!/bin/sh
# The tree keeps the rules of rooms.txt, and tests/rooms/check catches each way to break them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

verdict() { # NAME, status of the test
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $1"
        sed 's/^/    /' "$work/output"
    fi
}

# caught NAME FILE TEXT WORDS: a small good tree with TEXT in FILE gives a message with WORDS.
caught() {
    plant "$2" "$3"
    status=1
    if ! "$here/check" "$work/tree" >"$work/output" && grep -qF -- "$4" "$work/output"; then status=0; fi
    verdict "$1" $status
}

# passes NAME FILE TEXT: the same, and nothing is wrong.
passes() {
    plant "$2" "$3"
    status=0
    "$here/check" "$work/tree" >"$work/output" || status=1
    verdict "$1" $status
}

plant() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/src/base" "$work/tree/src/fleet" "$work/tree/sql/silver" "$work/tree/sql/gold"
    cat >"$work/tree/src/fleet/tables.def" <<'DEF'
TABLE(MESSAGES, "telemetry_messages", "bronze", "x",
TABLE(TELEMETRY, "telemetry", "silver",
TABLE(REPORTING, "reporting_final", "gold", "x",
DEF
    printf '#include "base/a.h"\n' >"$work/tree/src/base/b.h"
    printf 'SELECT 1\n' >"$work/tree/sql/silver/vehicles.sql"
    mkdir -p "$(dirname "$work/tree/$1")"
    printf '%s\n' "$2" >"$work/tree/$1"
}

status=0
"$here/check" >"$work/output" || status=1
verdict "the tree keeps the rules" $status

passes "a room that knows a lower one" src/pipeline/a.c '#include "lake/lake.h"'
passes "system headers" src/base/a.c '#include <string.h>'
caught "base that knows fleet" src/base/a.c '#include "fleet/fleet.h"' \
    'src/base/a.c:1: base may not know fleet'
caught "pipeline that knows generator" src/pipeline/a.c '  #  include "generator/generator.h"' \
    'pipeline may not know generator'
caught "a room that knows cli" src/pipeline/a.h '#include "cli/cli.h"' 'pipeline may not know cli'
caught "a room that nobody named" src/attic/a.c '#include <string.h>' 'no room attic'
caught "a header without its room" src/base/a.c '#include "b.h"' 'include "b.h" with its room'
passes "duckdb.h in lake" src/lake/a.c '#include <duckdb.h>'
caught "duckdb.h elsewhere" src/pipeline/a.c '#include <duckdb.h>' 'pipeline may not include duckdb.h'
caught "hashes elsewhere" src/forest/a.c '#include <nettle/sha2.h>' 'forest may not include nettle/'
caught "headers in a circle" src/base/a.h '#include "base/b.h"' 'headers: base/'

for name in strcpy sprintf strtok atoi rand localtime alloca; do
    caught "a call of $name" src/base/a.c "    x = $name (y);" "src/base/a.c:1: $name is banned"
done
passes "banned names in comments and texts" src/base/a.c '/* strcpy(a, b)
 * sprintf( */ x = "strtok(\" atoi("; // rand()
y = '\''"'\''; z = "/*"; my_rand(); strtok_r(); s->rand(); s.time();'
caught "a call behind a comment" src/base/a.c '/* one */ x = "a"; /* two */ atoi(y);' 'atoi is banned'
caught "a clock below cli" src/pipeline/a.c 'now = time(NULL);' 'time() is only for cli'
caught "a message below cli" src/forest/a.c 'fprintf(stderr, "x");' 'stderr is only for cli'
passes "a message in cli" src/cli/a.c 'fprintf(stderr, "x");'

passes "silver reads bronze and silver" sql/silver/a.sql \
    'SELECT * FROM telemetry_messages m JOIN vehicles v ON true'
passes "gold reads silver and gold" sql/gold/a.sql \
    'WITH t AS (SELECT 1 FROM Telemetry) SELECT * FROM t, reporting_final'
caught "gold reads bronze" sql/gold/a.sql 'SELECT 1
FROM telemetry x
LEFT JOIN telemetry_messages y ON true' 'sql/gold/a.sql:3: sql/gold may not read telemetry_messages'
caught "silver reads gold in a list" sql/silver/a.sql 'SELECT 1 FROM (SELECT 2 FROM vehicles v, "reporting_final")' \
    'sql/silver may not read reporting_final'
caught "gold reads what bronze would be under another case" sql/gold/a.sql 'select 1 from TELEMETRY_MESSAGES' \
    'may not read telemetry_messages'
passes "a table named in a comment or a text" sql/gold/a.sql "-- from telemetry_messages
SELECT 'from telemetry_messages' FROM telemetry"
caught "a SELECT that names a file" sql/gold/a.sql "SELECT 1 FROM 'bronze/x.csv'" 'names a file'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
