#!/usr/bin/env bash
# Raw data on a real HDFS: a name node and a data node, processes of their own on loopback, started
# and stopped here. `run --bronze` makes the tables that DuckDB makes of the same raw data in a
# folder; what is missing, closed or not reachable is one sentence, and the last good gold stays.
#
# Wants SPARK_HOME, Java, AUTOSTREAM_BIN, and the jar of script/deps/spark/fetch-hdfs.
set -euo pipefail
date=2026-11-23
: "${SPARK_HOME:?the folder of Spark}"
jar=$("$AUTOSTREAM_SOURCE/script/deps/spark/fetch-hdfs" --where) || {
    echo "the servers of HDFS are not here: script/deps/spark/fetch-hdfs" >&2
    exit 1
}
export LC_ALL=C.UTF-8 HADOOP_USER_NAME=owner # Java reads names by the locale
folder=$(mktemp -d "${TMPDIR:-/tmp}/autostream-hdfs-XXXXXX")
pids=()

stop() {
    [ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    pids=()
}
trap 'stop; rm -rf "$folder"' EXIT

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
        sleep 0.5
    done
}

property() { echo "<property><name>$1</name><value>$2</value></property>"; }

# hadoop CLASS ARG...: a program of Hadoop, with Spark's own libraries.
hadoop() {
    java -Xmx256m -XX:TieredStopAtLevel=1 -cp "$folder/conf:$jar:$SPARK_HOME/jars/*" \
        "org.apache.hadoop.$1" "${@:2}"
}

start() {
    local name=$1
    shift
    java -Xmx256m -XX:TieredStopAtLevel=1 -cp "$folder/conf:$jar:$SPARK_HOME/jars/*" \
        "org.apache.hadoop.$1" >"$folder/$name.log" 2>&1 &
    pids+=($!)
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
address=hdfs://127.0.0.1:$port
mkdir "$folder/conf"
{
    echo "<configuration>"
    property fs.defaultFS "$address"
    echo "</configuration>"
} >"$folder/conf/core-site.xml"
{
    echo "<configuration>"
    property dfs.namenode.name.dir "file://$folder/name"
    property dfs.datanode.data.dir "file://$folder/data"
    for node in namenode.http-address datanode.address datanode.ipc.address datanode.http.address; do
        property dfs.$node 127.0.0.1:0
    done
    property dfs.replication 1
    echo "</configuration>"
} >"$folder/conf/hdfs-site.xml"
hadoop hdfs.server.namenode.NameNode -format -force >"$folder/format.log" 2>&1 || fail "no format"
start name hdfs.server.namenode.NameNode
start data hdfs.server.datanode.DataNode

autostream() { "$AUTOSTREAM_BIN" --lang en --quiet --run-date $date "$@"; }
gold_hash() { (cd "$folder/lake" && find gold silver -type f | sort | xargs sha256sum | sha256sum); }

local_lake=$folder/local
raw=$local_lake/bronze/run_date=$date
autostream --data "$local_lake" generate --vehicles 40 --days 2 --messages-per-day 3 --faults 4% \
    --format ndjson >/dev/null
autostream --data "$local_lake" train --trees 10 >/dev/null
echo '{' >"$raw/json/it's a café.json"
echo x >"$raw/json/notes.txt"
head -c 7000000 /dev/zero | tr '\0' ' ' >"$raw/json/blank.json" # three chunks of a refused record
head -c 7000000 /dev/zero | tr '\0' x >>"$raw/csv/maintenance.csv"
autostream --data "$local_lake" run --max-rejects 50% >/dev/null
mkdir -p "$folder/lake/models"
cp "$local_lake/models/model_pannes.onnx" "$folder/lake/models/"

put() { hadoop fs.FsShell -put -f "$local_lake/bronze" /lake/ >"$folder/put.log" 2>&1; }
within 300 hadoop fs.FsShell -mkdir -p /lake/dated >"$folder/mkdir.log" 2>&1 || fail "HDFS did not start"
within 300 put || fail "nothing could be put there"
hadoop fs.FsShell -cp "/lake/bronze/run_date=$date" /lake/undated >"$folder/copy.log" 2>&1
hadoop fs.FsShell -mkdir /lake/closed >"$folder/closed.log" 2>&1
hadoop fs.FsShell -chmod 700 /lake/closed >>"$folder/closed.log" 2>&1

run() {
    autostream --data "$folder/lake" --engine spark --threads 2 --memory 1GB run --max-rejects 50% \
        --bronze "$1" >/dev/null 2>"$folder/run.err"
}

# refused ADDRESS TEXT: fails with one sentence that holds the text; the last good gold stays.
refused() {
    local before
    before=$(gold_hash)
    ! run "$1" || fail "it ran: $1"
    grep -qF "$2" "$folder/run.err" || fail "not \"$2\": $(cat "$folder/run.err")"
    [ "$(wc -l <"$folder/run.err")" = 1 ] || fail "not one sentence: $(cat "$folder/run.err")"
    [ "$before" = "$(gold_hash)" ] || fail "the last good gold was touched"
}

echo "the tables of raw data on HDFS are those of raw data in a folder"
run "$address/lake/bronze" || fail "it failed: $(cat "$folder/run.err")"
autostream --data "$local_lake" parity --with "$folder/lake" >"$folder/parity.log" ||
    fail "$(cat "$folder/parity.log")"
autostream --data "$folder/lake" verify >/dev/null || fail "not whole"
for left in bronze .staging; do
    [ ! -e "$folder/lake/$left" ] || fail "$left is left"
done

echo "what is missing or closed is one sentence"
refused "$address/lake/dated" "no raw data for $date"
HADOOP_USER_NAME=another refused "$address/lake/closed" "Permission denied"
hadoop fs.FsShell -rm -r /lake/undated/sql >"$folder/rm.log" 2>&1
refused "$address/lake/undated" "$address/lake/undated/sql/flotte.db: no such file"

echo "an HDFS that does not answer is one sentence"
stop
refused "$address/lake/bronze" "Connection refused"
refused "s3a://bucket/lake/bronze" "S3AFileSystem not found"
echo ok
