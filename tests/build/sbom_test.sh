#!/usr/bin/env bash
# Does the list of parts (script/sbom) match the program? Versions are looked for in the program's own
# bytes, libraries in its symbols; a library that the list does not know must stop it.
#
# usage: tests/build/sbom_test.sh BUILD
set -euo pipefail
project=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $name"
    fi
}

"$project/script/sbom" "$build" >"$work/sbom.json"
strings -n 4 "$build/autostream" >"$work/strings"
nm "$build/autostream" >"$work/symbols"
python3 - "$work" "$build" >"$work/expected" <<'PYTHON'
import hashlib, json, sys

work, build = sys.argv[1:]
with open(work + "/sbom.json", encoding="utf-8") as file:
    sbom = json.load(file)
assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.5")
with open(build + "/autostream", "rb") as file:
    assert sbom["metadata"]["component"]["hashes"][0]["content"] == hashlib.sha256(file.read()).hexdigest()
for part in sbom["components"]:
    assert part["version"] not in ("", "unknown") and part["licenses"] and part["hashes"], part
    version = part["version"].split("-")[0].split(":")[-1].split("+")[0]
    print(part["name"], version)
PYTHON
has_part() { grep "^$1 " "$work/expected" >/dev/null; }
version_of() { sed -n "s/^$1 //p" "$work/expected"; }

# name:symbol that only this library brings
for pair in nettle:nettle_sha256_init jansson:json_loadb zlib:inflateInit2_ zstd:ZSTD_decompressStream \
    sqlite:sqlite3_open_v2 protobuf-c:protobuf_c_message_unpack libmicrohttpd:MHD_start_daemon duckdb:duckdb_open_ext \
    libstdc++:_ZNSs4_Rep11_S_terminalE; do
    if grep -E " [A-Za-z] ${pair#*:}$" "$work/symbols" >/dev/null; then
        check "${pair%%:*} is in the program and in the list" has_part "${pair%%:*}"
    fi
done
check "at least eight libraries were recognised" test "$passed" -ge 8
check "sqlite has the version of the list" grep -F "$(version_of sqlite)" "$work/strings" >/dev/null
check "zlib has the version of the list" \
    grep -F "inflate $(version_of zlib | sed 's/\.dfsg.*//')" "$work/strings" >/dev/null
if [ "$(version_of duckdb)" != "of the builder's own" ]; then
    check "DuckDB has the version of the list" grep -F "v$(version_of duckdb)" "$work/strings" >/dev/null
fi

if grep -F /assets/ "$build/web_files.c" >/dev/null; then
    for package in preact preact-render-to-string d3-array internmap; do
        check "$package is bundled and in the list" has_part "$package"
    done
fi

# A library too many is noticed.
mkdir "$work/build"
cp "$build/autostream" "$build/web_files.c" "$work/build"
: >"$work/libother.a"
sed "s|^ LINK_ARGS = |&$work/libother.a |" "$build/build.ninja" >"$work/build/build.ninja"
if "$project/script/sbom" "$work/build" >/dev/null 2>"$work/said"; then
    check "a library that nobody listed" false
else
    check "a library that nobody listed" grep -F "libother.a: a library that" "$work/said" >/dev/null
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
