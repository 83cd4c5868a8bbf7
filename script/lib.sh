# shellcheck shell=bash disable=SC2034 # what is set here is used in the scripts
# Set-up that all scripts share: packages, DuckDB, the Python of the test oracles, build folders.
# Sourced by script/*; expects nothing but bash. Everything fetched goes to the cache folder below.
#
# Environment: XDG_CACHE_HOME, DUCKDB_ROOT (a DuckDB of your own: duckdb.h and libduckdb_static.a or
# libduckdb.so), AUTOSTREAM_NO_INSTALL=1 (never install, only say what is missing).

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/autostream

say() { printf 'autostream: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Prints the comment block at the head of a script, its help.
help_of() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }

# ---- packages of Debian and Ubuntu ----

# name, or name:command when any program of that name will do.
build_packages=(gcc:gcc libc6-dev meson:meson ninja-build:ninja pkg-config:pkg-config
    protobuf-c-compiler:protoc-c g++ # g++: for the static C++ library that DuckDB needs
    nettle-dev libgnutls28-dev libjansson-dev libmicrohttpd-dev libonnx-dev libprotobuf-c-dev
    libprotobuf-dev libsqlite3-dev libzstd-dev zlib1g-dev libcmocka-dev)
oracle_packages=(python3-venv)
check_packages=(clang:clang clang-format:clang-format clang-tidy:clang-tidy valgrind:valgrind gcovr:gcovr
    shellcheck:shellcheck faketime:faketime)
bench_packages=(hyperfine:hyperfine time zstd)
fetch_packages=(golang-go:go ca-certificates)
web_packages=(nodejs:node npm:npm ca-certificates)
browser_packages=(chromium:chromium)
spark_packages=(openjdk-17-jre-headless:java python3-venv curl) # for the tests of the Spark engine alone

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root to install packages, and there is no sudo; as root: $*"
    fi
}

# Installs those of the packages that are missing. Asks nobody when nothing is.
need_packages() {
    local item missing=()
    for item; do
        if [ "$item" != "${item#*:}" ] && command -v "${item#*:}" >/dev/null; then
            continue
        fi
        item=${item%%:*}
        if [ "$(dpkg-query -W -f='${db:Status-Status}' "$item" 2>/dev/null)" != installed ]; then
            missing+=("$item")
        fi
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here: going on; these packages of Debian, or what you call them, are used:"
        say "  ${missing[*]}"
        return 0
    fi
    [ -z "${AUTOSTREAM_NO_INSTALL:-}" ] || die "missing packages: ${missing[*]}"
    say "installing by apt-get: ${missing[*]}"
    # A list of packages may be missing or old; refresh it once, then install.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update ||
        say "the list of packages could not be refreshed; trying with the one there is"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install -y \
        --no-install-recommends "${missing[@]}" >/dev/null ||
        die "could not install ${missing[*]}; mend apt-get, or install them yourself, and try again"
}

# ---- DuckDB ----

# Sets duckdb_root to the user's DuckDB or to the pinned one in the cache, fetched if need be.
need_duckdb() {
    if ! duckdb_root=$("$project/script/deps/duckdb/fetch" --where); then
        [ -z "${DUCKDB_ROOT:-}" ] || exit 1
        need_packages "${fetch_packages[@]}"
        duckdb_root=$("$project/script/deps/duckdb/fetch") || exit 1
    fi
}

# ---- the dashboard ----

node_will_do() {
    command -v npm >/dev/null &&
        node -e 'process.exit(process.versions.node.split(".")[0] >= 18 ? 0 : 1)' 2>/dev/null
}

# Hash of what web/dist is made from.
web_sources() {
    (cd "$project/web" && find . \( -name node_modules -o -name dist \) -prune -o -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-64)
}

# Makes web/node_modules as web/package-lock.json says; asks nobody when it is so already.
need_web_modules() {
    local web=$project/web lock
    lock=$(sha256sum <"$web/package-lock.json")
    if [ "$(cat "$web/node_modules/.autostream" 2>/dev/null)" = "$lock" ]; then
        return
    fi
    [ -z "${AUTOSTREAM_NO_INSTALL:-}" ] || die "missing: the packages of web/package-lock.json"
    node_will_do || need_packages "${web_packages[@]}"
    node_will_do || die "needs Node.js 18 or newer with npm, and found $(node --version 2>&1)"
    say "installing the packages of the dashboard (by npm, into web/node_modules)"
    # No package's own script is run: what they would do is not needed.
    (cd "$web" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 ||
        die "could not install the packages of web/package-lock.json"
    printf '%s\n' "$lock" >"$web/node_modules/.autostream"
}

# Builds web/dist when its sources are not those it was built from. Where nothing may be installed, a
# build goes on without it: the server then offers its API alone.
need_web() {
    local web=$project/web stamp=$project/web/node_modules/.autostream-built sources
    sources=$(web_sources)
    if [ -e "$web/dist/index.html" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sources" ]; then
        return
    fi
    if [ -n "${AUTOSTREAM_NO_INSTALL:-}" ] && ! { node_will_do && [ -e "$web/node_modules/.autostream" ]; }; then
        say "the dashboard is not built: it needs Node.js 18 and the packages of web/package-lock.json"
        return
    fi
    need_web_modules
    (cd "$web" && npm run --silent build) >&2 || die "the dashboard does not build"
    printf '%s\n' "$sources" >"$stamp"
}

# ---- Spark ----

# Sets and exports SPARK_HOME to the user's, or to the pinned one in the cache, fetched if need be.
need_spark() {
    need_packages "${spark_packages[@]}"
    if [ -z "${SPARK_HOME:-}" ] && ! SPARK_HOME=$("$project/script/deps/spark/fetch" --where); then
        [ -z "${AUTOSTREAM_NO_INSTALL:-}" ] || die "missing: Spark; fetch it: script/deps/spark/fetch"
        SPARK_HOME=$("$project/script/deps/spark/fetch") || exit 1
    fi
    export SPARK_HOME
}

# ---- Python for the test oracles and the benchmarks ----

# make_venv FILE WHAT: sets venv_python to an interpreter with the packages of script/deps/FILE, in a
# folder of the cache that is named by the hash of that file and of the interpreter's version.
make_venv() {
    local base requirements=$project/script/deps/$1 key venv
    need_packages "${oracle_packages[@]}"
    base=/usr/bin/python3
    [ -x "$base" ] || base=$(command -v python3) || die "no python3"
    key=$({ "$base" --version && cat "$requirements"; } | sha256sum | cut -c 1-12)
    venv=$cache/venv-$key
    venv_python=$venv/bin/python
    [ ! -e "$venv/.ready" ] || return 0
    [ -z "${AUTOSTREAM_NO_INSTALL:-}" ] || die "missing: the Python packages of $requirements"
    say "installing the Python packages of the $2 (by pip, into the cache)"
    # Not ready until the last step: a folder that an aborted call left is made anew.
    rm -rf "$venv"
    mkdir -p "$cache"
    if ! { "$base" -m venv "$venv" && "$venv_python" -m pip --disable-pip-version-check --quiet \
        install --require-hashes --only-binary :all: -r "$requirements" && touch "$venv/.ready"; } >&2; then
        rm -rf "$venv"
        die "could not install the Python packages of the $2"
    fi
}

# Sets python to the interpreter of the test oracles.
need_python() {
    make_venv requirements.txt "test oracles"
    python=$venv_python
}

# Sets bench_python to the interpreter of the benchmarks, with the forests to compare with.
need_bench_python() {
    make_venv requirements-bench.txt "benchmarks"
    bench_python=$venv_python
}

# Sets lake_python to the interpreter of bench/lake, with the engines to compare with.
need_lake_python() {
    make_venv requirements-lake.txt "comparison of engines"
    lake_python=$venv_python
}

# ---- build folders ----

# configure FOLDER ARG...: makes FOLDER (in the project) a build folder with these meson arguments.
configure() {
    local folder=$1 stamp
    shift
    set -- "-Dduckdb_root=$duckdb_root" "$@"
    stamp=$(printf '%s\n' "$@" "${CC:-}")
    if [ -e "$folder/build.ninja" ] && [ "$(cat "$folder/.configured" 2>/dev/null)" = "$stamp" ]; then
        return
    fi
    rm -f "$folder/.configured"
    if [ -e "$folder/build.ninja" ]; then
        set -- --reconfigure "$@"
    elif [ -d "$folder/meson-private" ]; then
        rm -rf "$folder" # an aborted set-up left it; meson can neither use nor wipe it
    fi
    meson setup "$@" "$folder" "$project" >&2 || return 1
    printf '%s\n' "$stamp" >"$folder/.configured"
}

# Builds everything in FOLDER, or the targets that are named.
compile() {
    local folder=$1
    shift
    ninja -C "$folder" "$@" >&2
}

# Installs what every build needs.
set_up() {
    need_packages "${build_packages[@]}"
    need_duckdb
}

# build_folder KIND: the folder of a kind of build.
build_folder() {
    case $1 in
    release) printf '%s/build\n' "$project" ;;
    *) printf '%s/build-%s\n' "$project" "$1" ;;
    esac
}

# configure_kind KIND: release, debug, gcc and clang (warnings are errors), sanitize, tsan, analyzer, coverage.
configure_kind() {
    local folder
    folder=$(build_folder "$1")
    case $1 in
    release) configure "$folder" ;;
    debug) configure "$folder" -Dbuildtype=debug ;;
    gcc | clang) CC=$1 configure "$folder" -Dwerror=true ;;
    sanitize)
        configure "$folder" -Dbuildtype=debugoptimized -Db_sanitize=address,undefined \
            -Db_lundef=false '-Dc_args=-fno-omit-frame-pointer -fno-sanitize-recover=all'
        ;;
    analyzer) CC=gcc configure "$folder" -Dbuildtype=debugoptimized -Dc_args=-fanalyzer ;;
    tsan)
        configure "$folder" -Dbuildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false
        ;;
    coverage) configure "$folder" -Dbuildtype=debug -Doptimization=0 -Db_coverage=true ;;
    *) die "no kind of build: $1" ;;
    esac
}
