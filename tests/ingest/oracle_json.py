#!/usr/bin/env python3
"""Compares the C parser of messages with Python's json on random and mutated texts.

    oracle_json.py BUILD_DIR [COUNT] [SEED]

Python is made strict: UTF-8, no NaN or Infinity, duplicate known fields are refused, lone
surrogates too. Both must agree on accept or refuse, on the class of the reason (broken, no object,
UTF-8, fields), and on every value bit for bit.
"""
import json
import random
import re
import struct
import subprocess
import sys
from datetime import datetime, timezone

FIELDS = ["vin", "timestamp", "temp_moteur", "vitesse", "km_actuel", "pression_huile"]
RANGES = {"temp_moteur": (-60, 250), "vitesse": (0, 300), "km_actuel": (0, 5e6),
          "pression_huile": (0, 20)}
WHOLE = {"vitesse", "km_actuel"}
LOOSE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d(:?\d\d)?)?)?")
FIRST, LAST = 10957 * 86400 * 10**6, 20781 * 86400 * 10**6


class Duplicate(dict):
    """An object in which a known field stands twice (Python would keep the last)."""


def refuse_constant(name):
    raise ValueError(name)


class Lone(Exception):
    """Half a surrogate pair: JSON's grammar allows it, no UTF-8 text can hold it."""


def pairs(items):
    for k, v in items:
        if has_lone(k) or has_lone(v):
            raise Lone
    names = [k for k, _ in items]
    twice = {k for k in names if k in FIELDS and names.count(k) > 1}
    made = Duplicate(items) if twice else dict(items)
    if twice:
        made.twice = twice
    return made


def has_lone(value):
    if isinstance(value, list):
        return any(has_lone(v) for v in value)
    return isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value)


def depth(value):
    """Levels of brackets."""
    deepest, todo = 0, [(value, 1)]
    while todo:
        v, level = todo.pop()
        if isinstance(v, (dict, list)):
            deepest = max(deepest, level)
            todo += [(x, level + 1) for x in (v.values() if isinstance(v, dict) else v)]
    return deepest


def expected(raw):
    """("no", set of reasons) or ("ok", values); reasons None: any. None: not for this test."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        # bytes that are no UTF-8 inside strings are bad_utf8, elsewhere broken JSON
        return "no", None
    try:
        value = json.loads(text, parse_constant=refuse_constant, object_pairs_hook=pairs,
                           parse_int=float)
    except ValueError:
        return "no", "broken"
    except (RecursionError, Lone):
        return "no", None
    if depth(value) > 200:
        return "no", None
    if not isinstance(value, dict):
        return "no", "other"
    reasons = set()
    for name in getattr(value, "twice", ()):
        reasons.add("duplicate_field:" + name)
    row = []
    for name in ("vin", "timestamp"):
        v = value.get(name)
        if v is None or (isinstance(v, str) and not v.strip(" \t\n\v\f\r")):
            reasons.add("missing:" + name)
        elif not isinstance(v, str):
            reasons.add("not_a_text:" + name)
        else:
            if len(v.encode()) > 1024:
                reasons.add("too_long:" + name)
            if "\0" in v:
                reasons.add("unreadable:" + name)
            row.append(v.encode().hex())
        if name == "timestamp" and isinstance(v, str) and "missing:timestamp" not in reasons:
            try:
                when = datetime.strptime(v, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
                micros = int(when.timestamp()) * 10**6
                if len(v) != 19:
                    raise ValueError(v)
                if not FIRST <= micros <= LAST:
                    reasons.add("impossible:timestamp")
                row.append(str(micros))
            except ValueError:
                if LOOSE.fullmatch(v):
                    return None  # another form of ISO 8601: the tests of base/dates are for those
                reasons.add("unreadable:timestamp")
    for name, (low, high) in RANGES.items():
        v = value.get(name)
        if v is None:
            row.append("-")
        elif isinstance(v, bool) or not isinstance(v, float):
            reasons.add("not_a_number:" + name)
        elif not low <= v <= high:
            reasons.add("impossible:" + name)
        elif name in WHOLE:
            whole = int(v) + (1 if v - int(v) >= 0.5 else 0)
            row.append(str(whole))
        else:
            row.append(struct.pack("<d", v + 0.0).hex())
    return ("no", reasons) if reasons else ("ok", row)


def got(line):
    verdict, _, rest = line.partition("\t")
    if verdict == "no":
        return "no", rest
    row = rest.split(" ")
    for i in (3, 6):
        if row[i] != "-":
            row[i] = struct.pack("<d", float(row[i])).hex()
    return "ok", row


def agrees(want, have):
    if want[0] != have[0]:
        return False
    if want[0] == "ok":
        return want[1] == have[1]
    if want[1] is None:
        return True
    if want[1] == "broken":
        return "broken_json" in have[1] or "too_deep" in have[1]
    if want[1] == "other":
        return have[1].startswith("not_an_object")
    return want[1] == set(have[1].split("|"))


def random_number(rng):
    kind = rng.randrange(6)
    if kind == 0:
        return str(rng.randrange(-5, 400))
    if kind == 1:
        return repr(rng.uniform(-1, 260))
    if kind == 2:
        return "%d.%d" % (rng.randrange(0, 250), rng.randrange(10**rng.randrange(1, 30)))
    if kind == 3:
        return "%de%+d" % (rng.randrange(10**rng.randrange(1, 22)), rng.randrange(-40, 10))
    if kind == 4:
        return repr(rng.uniform(0, 20) * 10.0**rng.randrange(-320, 3))
    return rng.choice(["-0", "-0.0", "0", "1E400", "-1e999", "0.5", "1.5", "2.5", "299.5", "1e-999",
                       "9007199254740993e-14", "5e-324", "20.000000000000000001"])


def random_text(rng):
    parts = ["A", "é", "€", "🚗", "\\n", "\\u00e9", "\\ud83d\\ude97", "\\ud800", "\\udc00",
             "\\u0000", "\\\"", "\\\\", "\\/", "'", " ", "\t", "\x7f", "VIN-751000", "\\u0041", ";--"]
    weights = [8, 2, 2, 2, 2, 2, 2, .2, .2, .2, 1, 1, 1, 1, 2, .1, 1, 8, 2, 1]
    return '"' + "".join(rng.choices(parts, weights, k=rng.randrange(6))) + '"'


def random_value(rng, level=0):
    kind = rng.randrange(8 if level < 4 else 6)
    if kind < 3:
        return random_number(rng)
    if kind < 5:
        return random_text(rng)
    if kind == 5:
        return rng.choice(["null", "true", "false"])
    if kind == 6:
        return "[" + ",".join(random_value(rng, level + 1) for _ in range(rng.randrange(4))) + "]"
    return "{" + ",".join(random_text(rng) + ":" + random_value(rng, level + 1)
                          for _ in range(rng.randrange(4))) + "}"


def random_message(rng):
    fields = []
    for name in FIELDS:
        if rng.random() < 0.03:
            continue
        if rng.random() < 0.05:
            value = random_value(rng)
        elif name == "vin":
            value = random_text(rng) if rng.random() < .3 else '"VIN-%d"' % rng.randrange(1000)
        elif name == "timestamp":
            value = '"%04d-%02d-%02dT%02d:%02d:%02d"' % (
                rng.choice([2026, 2025, 1999, 2030]) if rng.random() < .1 else 2026,
                rng.randrange(1, 12), rng.randrange(1, 30), rng.randrange(24), rng.randrange(60),
                rng.randrange(60))
        elif rng.random() < 0.7:
            value = rng.choice(["%d", "%.1f", "%.2f", "%.17g", "%.6e"]) % rng.uniform(0, 19)
        else:
            value = random_number(rng)
        key = '"%s"' % name
        if rng.random() < 0.05:
            key = key.replace("i", "\\u0069", 1)
        fields.append(key + rng.choice([":", ": ", " :\n"]) + value)
    while rng.random() < 0.2:
        fields.append(random_text(rng) + ":" + random_value(rng))
    if fields and rng.random() < 0.03:
        fields.append(rng.choice(fields))
    if rng.random() < 0.2:
        rng.shuffle(fields)
    return "{" + rng.choice([",", ", ", ",\n  "]).join(fields) + "}"


def mutate(rng, raw):
    raw = bytearray(raw)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        at = rng.randrange(len(raw) + 1)
        kind = rng.randrange(4)
        if kind == 0 and at < len(raw):
            raw[at] = rng.randrange(256)
        elif kind == 1:
            raw[at:at + rng.randrange(1, 4)] = b""
        elif kind == 2:
            raw[at:at] = rng.choice([b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"0", b"-", b".",
                                     b"e", b" ", b"\n", b"\xff", b"null", b"NaN", b"\0", b"+", b"u"])
        else:
            other = rng.randrange(len(raw) + 1)
            raw[at:at] = raw[min(at, other):max(at, other)][:20]
    return bytes(raw)


def main():
    tool = sys.argv[1] + "/tests/ingest_tool"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    records = []
    for _ in range(count):
        kind = rng.random()
        text = random_message(rng) if kind < 0.9 else random_value(rng)
        raw = text.encode("utf-8")
        records.append(mutate(rng, raw) if rng.random() < 0.5 else raw)
    fed = b"".join(struct.pack("<I", len(r)) + r for r in records)
    lines = subprocess.run([tool, "records"], input=fed, stdout=subprocess.PIPE,
                           check=True).stdout.decode().splitlines()
    assert len(lines) == count, (len(lines), count)
    tally = {"ok": 0, "no": 0}
    wrong = 0
    for raw, line in zip(records, lines):
        want, have = expected(raw), got(line)
        if want is None:
            continue
        tally[want[0]] += 1
        if not agrees(want, have):
            wrong += 1
            if wrong <= 10:
                print("DIFFERS %r\n  python %r\n  c      %r" % (raw, want, have))
    print("%d texts: %d accepted, %d refused, %d differ" % (count, tally["ok"], tally["no"], wrong))
    return 1 if wrong or tally["ok"] < count // 20 or tally["no"] < count // 20 else 0


if __name__ == "__main__":
    sys.exit(main())
