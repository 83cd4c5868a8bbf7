"""Bronze to gold on one machine: ours beside DuckDB on hand-written SQL, Polars, pandas and Spark.

usage: python lake.py AUTOSTREAM [--sizes N,N,...] [--files] [--peers NAME,...] [--rounds N]
                      [--plot FILE.svg] [--memory LIMIT] [--zst]

For each size one bronze is simulated (100 messages a vehicle: 10 days of 10; as NDJSON, or with
--files as one file a message); ours and every peer make the same outputs from it, in turn, each
in a process of its own with two threads. Then what they wrote is compared with ours: silver, the
scored fleet, services, days, the three aggregations, every column of theirs; a difference ends the
benchmark. Ours makes more, in the same time: reasons, quality reports, refusals, hashes, and all is
synced. Said are medians over the rounds. Prints Markdown. How ours alone grows, out of memory too:
--peers "" --memory 2GB --zst. Works below TMPDIR, whose room is looked at before each size; said then
is also the time to be expected from the size before.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import duckdb

import common
import plot

HERE = pathlib.Path(__file__).parent
PEERS = {"duckdb": ("DuckDB, hand-written SQL", "peer_duckdb.py", []),
         "duckdb-gold": ("DuckDB, the gold table only", "peer_duckdb.py", ["gold-only"]),
         "polars": ("Polars", "peer_polars.py", []),
         "pandas": ("pandas", "peer_pandas.py", []),
         "spark": ("Spark SQL, local", "peer_spark.py", [])}
# Bytes a message on disk at most: NDJSON, the same by zstd, results (most is silver's CSV) and what is
# spilled when nothing fits into memory.
NDJSON, COMPRESSED, RESULTS, SPILLED = 290, 40, 160, 240
TOLERANCE = 1e-9  # of means, whose sums differ in the last bits
# Ours, theirs, key.
COMPARED = [("silver/telemetry_parquet/run_date=2026-11-23/*/data.parquet",
             "silver/telemetry_parquet/*/*.parquet", "vin, event_ts, temp_moteur, km_actuel, "
             "pression_huile, vitesse"),
            ("gold/parquet/run_date=2026-11-23/reporting_final.parquet",
             "gold/reporting_final.parquet", "vin"),
            ("gold/entretien_2026-11-23.parquet", "gold/entretien.parquet", "vin, rang"),
            ("gold/vehicule_jour_2026-11-23.parquet", "gold/vehicule_jour.parquet",
             "vin, event_date")]
COMPARED += [(f"gold/aggregations/pannes_par_{period}_2026-11-23.parquet",
              f"gold/aggregations/pannes_par_{period}.parquet", key)
             for period, key in common.PERIODS]
COMPARED += [("silver/telemetry/telemetry_clean.csv", "silver/telemetry_clean.csv",
              COMPARED[0][2]),
             ("gold/reporting_final.csv", "gold/reporting_final.csv", "vin")]


def measured(command):
    """Seconds by the clock and of the processor, and MB at most, of a process and those it waited
    for; MB are of the largest of them. What others left to be written is on the disk before."""
    os.sync()
    with tempfile.TemporaryFile("w+") as errors:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            sys.exit(f"{command[:3]}: {errors.read()[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def source(db, root, pattern):
    """SQL that reads what a peer may have written as a file or as a folder of files."""
    path = root / pattern
    if path.is_dir():
        path = path / f"*{path.suffix}"
    if str(path).endswith(".csv"):
        return f"read_csv('{path}', nullstr = '')"
    return f"read_parquet('{path}', hive_partitioning = true)"


def compare(ours, theirs, name, gold_only):
    """Ends the program unless every column of theirs says what ours says, row by row."""
    db = duckdb.connect(config={"threads": common.THREADS})
    for our_path, their_path, key in COMPARED:
        if gold_only and "reporting_final" not in their_path:
            continue
        a, b = source(db, ours, our_path), source(db, theirs, their_path)
        kinds = {row[0]: row[1] for row in db.execute(f"DESCRIBE FROM {a}").fetchall()}
        columns = [row[0] for row in db.execute(f"DESCRIBE FROM {b}").fetchall()]
        lacks = [c for c in kinds if c not in columns and c not in ("raisons", "run_date")]
        if lacks:
            sys.exit(f"{name}: {their_path} lacks {lacks}")
        keys = [part.strip() for part in key.split(",")]
        differs = []
        for column in (c for c in columns if c not in keys):
            if kinds[column] in ("DOUBLE", "BIGINT"):
                x, y = (f"CAST({side}.{column} AS DOUBLE)" for side in "ab")
                slack = 2e-6 if column.startswith("p") and "_" in column[:5] else TOLERANCE
                differs.append(f"(({x} IS NULL) <> ({y} IS NULL) OR abs({x} - {y}) > "
                               f"{slack} * greatest(1, abs({x})))")
            else:
                cast = f"CAST(b.{column} AS {kinds[column]})"
                differs.append(f"a.{column} IS DISTINCT FROM {cast}")
        on = " AND ".join(f"a.{k} = CAST(b.{k} AS {kinds[k]})" if kinds[k] != "DOUBLE"
                          else f"a.{k} = b.{k}" for k in keys)
        wrong, rows = db.execute(
            f"SELECT count_if(a.{keys[0]} IS NULL OR b.{keys[0]} IS NULL OR {' OR '.join(differs)}), "
            f"count(*) FROM {a} AS a FULL JOIN {b} AS b ON {on}").fetchone()
        if wrong or not rows:
            sys.exit(f"{name}: {wrong} of {rows} rows of {their_path} are not as ours")


def simulate(options, data, messages):
    program, files = options.program, options.files
    vehicles, days, per_day = (messages, 1, 1) if messages <= 100 else (messages // 100, 10, 10)
    run = [program, "--quiet", "--data", data, "--run-date", common.RUN_DATE]
    subprocess.run([*run, "generate", "--vehicles", str(vehicles), "--days", str(days),
                    "--messages-per-day", str(per_day), "--seed", "1", "--format",
                    "json" if files else "ndjson"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*run, "train", "--seed", "1"], check=True, stdout=subprocess.DEVNULL)
    if options.zst:
        folder = pathlib.Path(data) / f"bronze/run_date={common.RUN_DATE}/json"
        subprocess.run(["zstd", "-q", "-1", "--rm", *folder.iterdir()], check=True)
    return run


def measure_size(options, messages, work):
    """Medians by contender: {name: (wall, processor, MB)}."""
    data = str(work / "data")
    run = simulate(options, data, messages)
    if options.memory:
        run += ["--memory", options.memory]
    bronze = f"{data}/bronze/run_date={common.RUN_DATE}"
    results = {"ours": []}
    for turn in range(options.rounds):
        results["ours"].append(measured([*run, "--threads", str(common.THREADS), "run", "--full"]
                                        if options.full else
                                        [*run, "--threads", str(common.THREADS), "run"]))
        for peer in options.peers:
            _, script, extra = PEERS[peer]
            out = work / peer
            shutil.rmtree(out, ignore_errors=True)
            results.setdefault(peer, []).append(measured(
                [sys.executable, str(HERE / script), bronze, f"{data}/models/model_pannes.onnx",
                 str(out), *extra]))
            if turn == 0:
                compare(pathlib.Path(data), out, PEERS[peer][0], peer == "duckdb-gold")
            shutil.rmtree(out)
    shutil.rmtree(data)
    return {name: tuple(statistics.median(column) for column in zip(*runs))
            for name, runs in results.items()}


def expect(options, messages, work, before):
    """Ends the program when the disk is too small; says how long this size will take. before: the
    messages of the size before and the seconds that all of it took, or None."""
    results = SPILLED + RESULTS * (2 if options.peers else 1)
    need = messages * (max(NDJSON, results) + COMPRESSED if options.zst else NDJSON + results)
    free = shutil.disk_usage(work).free
    if free < need:
        sys.exit(f"{messages:,} messages need {need / 1e9:.1f} GB below {work}, where {free / 1e9:.1f} "
                 "are free; set TMPDIR to a larger disk, or measure less")
    time_left = ""
    if before and before[0] >= 1000000:  # else starting programs is most of it
        time_left = f", about {before[1] * messages / before[0] / 60:.0f} minutes"
    print(f"{messages:,} messages: {need / 1e9:.1f} GB of disk at most{time_left}", file=sys.stderr)


def report(messages, results, files):
    base = results["ours"]
    kind = "a file each" if files else "NDJSON"
    for name, (wall, processor, memory) in results.items():
        label = "autostream" if name == "ours" else PEERS[name][0]
        print(f"| {messages:,}, {kind} | {label} | {wall:.2f} | {wall / base[0]:.1f} | {processor:.2f} "
              f"| {processor / base[1]:.1f} | {memory:,.0f} |", flush=True)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--sizes", default="50,10000,1000000")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", action="store_true")
    parser.add_argument("--zst", action="store_true", help="compress the bronze (ours alone)")
    parser.add_argument("--memory", help="limit of ours, such as 2GB")
    parser.add_argument("--plot")
    options = parser.parse_args()
    options.sizes = [int(size) for size in options.sizes.split(",")]
    options.peers = [peer for peer in options.peers.split(",") if peer]
    if "spark" in options.peers and "SPARK_HOME" not in os.environ:
        print("Spark is left out: it is not there; script/deps/spark/fetch brings it.\n")
        options.peers.remove("spark")
    # A run that takes in only what is new would find nothing to do the second time.
    help_text = subprocess.run([options.program, "run", "--help"], capture_output=True, text=True,
                               check=True).stdout
    options.full = "--full" in help_text
    return options


def main():
    options = arguments()
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, two threads each, {options.rounds} rounds, load {load:.0f} at the start")
    print()
    print("| messages | | wall (s) | times ours | processor (s) | times ours | memory at most (MB) |")
    print("|---|---|---|---|---|---|---|")
    lines = {}
    with tempfile.TemporaryDirectory() as work:
        before = None
        for messages in options.sizes:
            expect(options, messages, work, before)
            start = time.monotonic()
            results = measure_size(options, messages, pathlib.Path(work))
            before = messages, time.monotonic() - start
            report(messages, results, options.files)
            for name, medians in results.items():
                lines.setdefault(name, []).append((messages, *medians))
    if options.plot:
        names = {name: "autostream" if name == "ours" else PEERS[name][0] for name in lines}
        pathlib.Path(options.plot).write_text(plot.draw(lines, names), encoding="utf-8")


if __name__ == "__main__":
    main()
