#!/usr/bin/env bash
# Has the program the protections that meson.build asks for? And would this test see it when not?
#
# usage: tests/build/hardening_test.sh PROGRAM
# Environment: CC, the compiler for a program without them.
set -euo pipefail
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# has NAME FILE: the file has this protection.
has() {
    case $1 in
    "position independent code") readelf -h "$2" | grep 'Type: *DYN' >/dev/null ;;
    "read-only relocations") readelf -lW "$2" | grep GNU_RELRO >/dev/null ;;
    "bound at start") readelf -dW "$2" | grep -E 'FLAGS.*(BIND_NOW|NOW)' >/dev/null ;;
    "a stack that does not execute") readelf -lW "$2" | grep 'GNU_STACK.* RW ' >/dev/null ;;
    "no segment that is written and executed") ! readelf -lW "$2" | grep ' RWE ' >/dev/null ;;
    "canaries") readelf -sW "$2" | grep '__stack_chk_fail' >/dev/null ;;
    "checked copies") readelf -sW "$2" | grep -E '__(vsnprintf|snprintf|memcpy|fprintf|read|pread)_chk' >/dev/null ;;
    esac
}

expect() { # NAME FILE WANTED
    local found=no
    if has "$1" "$2"; then found=yes; fi
    if [ "$found" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$2: $1: $found instead of $3"
    fi
}

for name in "position independent code" "read-only relocations" "bound at start" \
    "a stack that does not execute" "no segment that is written and executed" "canaries" \
    "checked copies"; do
    expect "$name" "$program" yes
done

printf '#include <stdio.h>\nint main(int c, char **v) { char b[9]; sprintf(b, "%%d", c); return !v + b[0]; }\n' \
    >"$work/plain.c"
"${CC:-cc}" -O2 -U_FORTIFY_SOURCE -fno-stack-protector -no-pie -Wl,-z,norelro,-z,lazy,-z,execstack \
    "$work/plain.c" -o "$work/plain" 2>/dev/null
for name in "position independent code" "read-only relocations" "bound at start" \
    "a stack that does not execute" "no segment that is written and executed" "canaries" \
    "checked copies"; do
    case $name in
    "no segment"*) continue ;; # a stack that executes is all that a linker makes so
    esac
    expect "$name" "$work/plain" no
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
