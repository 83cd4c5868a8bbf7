#!/usr/bin/env bash
# A real standalone cluster on this machine: a master and two workers, processes of their own on
# loopback, started and stopped here. When workers cannot start the program, a run fails with one
# sentence and the last good gold stays. When a worker dies in the middle of scoring, the run ends
# with the tables that DuckDB makes, or fails with one sentence and the last good gold stays.
#
# Wants SPARK_HOME, Java, AUTOSTREAM_BIN and, as $1, slow_score.so, which makes the program wait when
# it scores.
set -euo pipefail
slow_score=$(realpath "$1") # executors run in folders of their own
date=2026-11-23
: "${SPARK_HOME:?the folder of Spark}"
export SPARK_LOCAL_IP=127.0.0.1 SPARK_DAEMON_MEMORY=256m LC_ALL=C
folder=$(mktemp -d "${TMPDIR:-/tmp}/autostream-cluster-XXXXXX")
export SPARK_CONF_DIR=$folder/conf
pids=()

stop() {
    local pid
    for pid in "${pids[@]}"; do
        pkill -KILL -P "$pid" 2>/dev/null || true # the executors of a worker
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT

fail() {
    echo "FAILED: $*" >&2
    tail -n 5 "$folder"/*.log >&2 || true
    exit 1
}

# within SECONDS COMMAND...: waits until the command succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

# start NAME CLASS ARG...: a daemon of Spark in the background; its pid goes to pids.
start() {
    local name=$1
    shift
    "$SPARK_HOME/bin/spark-class" "$@" >"$folder/$name.log" 2>&1 &
    pids+=($!)
}

master_address() {
    address=$(sed -n 's|.*Starting Spark master at \(spark://[^ ]*\).*|\1|p' "$folder/master.log")
    [ -n "$address" ]
}

registered() { [ "$(grep -c 'Registering worker' "$folder/master.log")" -ge "$1" ]; }

start_cluster() {
    start master org.apache.spark.deploy.master.Master --host 127.0.0.1 --port 0 --webui-port 0
    within 120 master_address || fail "the master did not start"
    for number in 1 2; do
        LD_PRELOAD=$slow_score start "worker$number" org.apache.spark.deploy.worker.Worker --host 127.0.0.1 --webui-port 0 \
            --cores 1 --memory 700m --work-dir "$folder/work$number" "$address"
    done
    within 120 registered 2 || fail "the workers did not register"
}

autostream() { "$AUTOSTREAM_BIN" --lang en --quiet --run-date $date "$@"; }

# The executors of a worker score: the program runs in its folder.
scores_on() {
    local pid
    for pid in $(pgrep -f 'autostream worker score'); do
        [[ $(readlink "/proc/$pid/cwd") != "$folder/work$1"* ]] || return 0
    done
    return 1
}

gold_hash() { (cd "$1" && find gold silver -type f | sort | xargs sha256sum | sha256sum); }

mkdir "$folder/conf"
echo "spark.sql.shuffle.partitions 4" >"$folder/conf/spark-defaults.conf" # a small fleet, two cores
start_cluster
on_cluster=(--engine spark --spark-master "$address" --memory 512MB)

# The same bronze and model in both lakes; the last good gold of the second is of another model.
autostream --data "$folder/duckdb" generate --vehicles 400 --days 3 --messages-per-day 3 --faults 4% \
    --format ndjson >/dev/null
autostream --data "$folder/duckdb" train --trees 10 >/dev/null
cp -r "$folder/duckdb" "$folder/spark"
autostream --data "$folder/spark" run --max-rejects 50% >/dev/null
autostream --data "$folder/duckdb" train --trees 100 >/dev/null
autostream --data "$folder/duckdb" run --max-rejects 50% >/dev/null
cp "$folder/duckdb/models/model_pannes.onnx" "$folder/spark/models/"

echo "a worker lacks a library of the program"
before=$(gold_hash "$folder/spark")
mkdir "$folder/lib"
ln -s "$(ldd "$AUTOSTREAM_BIN" | awk '$1 == "libm.so.6" { print $3 }')" "$folder/lib/libq.so.6"
sed 's/libm\.so\.6/libq.so.6/' "$AUTOSTREAM_BIN" >"$folder/autostream"
chmod +x "$folder/autostream"
if LD_LIBRARY_PATH=$folder/lib "$folder/autostream" --lang en --quiet --run-date $date \
    "${on_cluster[@]}" --data "$folder/spark" run --max-rejects 50% >/dev/null 2>"$folder/run.err"; then
    fail "it ran without the library"
fi
grep -q "does not start on a machine of Spark (libq.so.6" "$folder/run.err" ||
    fail "not the sentence: $(cat "$folder/run.err")"
[ "$(wc -l <"$folder/run.err")" = 1 ] || fail "not one sentence: $(cat "$folder/run.err")"
[ "$before" = "$(gold_hash "$folder/spark")" ] || fail "the last good gold was touched"

echo "a worker dies in the middle of scoring"
before=$(gold_hash "$folder/spark")
autostream "${on_cluster[@]}" --data "$folder/spark" run --max-rejects 50% >/dev/null 2>"$folder/run.err" &
run=$!
killed=
while kill -0 $run 2>/dev/null; do
    for number in 1 2; do
        if [ -z "$killed" ] && scores_on $number; then
            pkill -KILL -P "${pids[$number]}" || true # its executor, the worker after it
            kill -KILL "${pids[$number]}"
            killed=$number
        fi
    done
    sleep 0.02
done
[ -n "$killed" ] || fail "nobody was seen scoring"
if wait $run; then
    autostream --data "$folder/duckdb" parity --with "$folder/spark" >"$folder/parity.log" || fail "the run ended wrong"
    echo "worker $killed died; the run ended right"
else
    [ "$(wc -l <"$folder/run.err")" = 1 ] || fail "not one sentence: $(cat "$folder/run.err")"
    [ "$before" = "$(gold_hash "$folder/spark")" ] || fail "the last good gold was touched"
    echo "worker $killed died; the run failed: $(cat "$folder/run.err")"
fi
[ ! -e "$folder/spark/.staging" ] || fail "something is left in staging"
echo ok
