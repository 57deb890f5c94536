#!/bin/sh
# Runs the whole system in a dry run, real prices and paper fills, and writes what it does to logs/data_collection.log.
# It goes on when the terminal is closed; --days ends it. In containers where start_infrastructure.sh started some,
# else as processes of this machine.
# exit: 0 started or done, 2 usage, 4 refused, 5 a dependency is down
set -eu
cd "$(dirname "$0")/.."

PY=${PY:-.venv/bin/python}
log=logs/data_collection.log
pid_file=logs/data_collection.pid
days=""
foreground=no

fail() {
    echo "$2" >&2
    exit "$1"
}

usage() {
    cat <<'EOF'
usage: scripts/run_data_collection.sh [--days N] [--foreground]
  --days N      end after so many days (a fraction will do); default: until stopped
  --foreground  stay here, Ctrl-C ends it; default: in the background
stop it with: kill "$(cat logs/data_collection.pid)"
EOF
}

read_options() {
    while [ $# -gt 0 ]; do
        case $1 in
            --days)
                [ -n "${2:-}" ] || fail 2 "--days wants a number"
                days=$2
                shift
                ;;
            --foreground) foreground=yes ;;
            -h | --help) usage && exit 0 ;;
            *) fail 2 "unknown option $1 (--help lists them)" ;;
        esac
        shift
    done
    [ -z "$days" ] || seconds=$(awk -v days="$days" 'BEGIN {
        if (days !~ /^[0-9]+(\.[0-9]+)?$/ || days <= 0 || days > 3650) exit 1
        printf "%d", days * 86400 < 1 ? 1 : days * 86400 }') ||
        fail 2 "--days is $days; write a number above 0, at most 3650"
}

refuse_live() {
    mode=${ARB_MODE:-dry_run}
    case $mode in
        dry_run | sim) ;;
        *) fail 4 "ARB_MODE is $mode, but data are collected in a dry run alone: unset it" ;;
    esac
}

refuse_second() {
    other=$(cat "$pid_file" 2>/dev/null) || return 0
    if [ "$other" != $$ ] && kill -0 "$other" 2>/dev/null; then # our own is there where we went to the background
        fail 4 "it runs already, as process $other: see $log"
    fi
}

has_containers() {
    command -v docker >/dev/null && docker compose ps --services --status running 2>/dev/null | grep -qx timescaledb
}

follow_containers() {
    ARB_COMMIT=$(git rev-parse HEAD 2>/dev/null || echo unknown)
    export ARB_COMMIT ARB_MODE="$mode"
    docker compose up --detach || fail 5 "docker compose could not start them: its lines above tell why"
    docker compose logs --follow --no-color --since 1s &
    child=$!
    if [ -n "$days" ]; then
        ends=$(($(date +%s) + seconds))
        while [ "$ended" = no ] && [ "$(date +%s)" -lt "$ends" ]; do sleep "${ARB_POLL_S:-5}" & wait $! || true; done
        kill "$child" 2>/dev/null || true
    fi
    wait "$child" || true
    docker compose stop stream worker-scan worker-account worker-execution worker-ml beat flower
}

run_processes() {
    sh scripts/environment.sh
    export ARB_LOG_DIR="${ARB_LOG_DIR:-logs}" # each process writes one there; what decides and trades is repeated here
    # shellcheck disable=SC2086 # no word, or an option and its value
    "$PY" manage.py up --mode "$mode" ${days:+--seconds "$seconds"} &
    child=$!
    tail -q -n 0 -F "$ARB_LOG_DIR/stream.log" "$ARB_LOG_DIR/worker-scan.log" "$ARB_LOG_DIR/worker-execution.log" 2>/dev/null &
    follower=$!
    code=0
    wait "$child" || code=$?
    if [ "$ended" = yes ]; then # the signal that interrupted us was handed on: wait for the end itself
        wait "$child" || true
        code=0
    fi
    kill "$follower" 2>/dev/null || true
    return "$code"
}

# Ends what runs when we are asked to end.
hand_on() {
    ended=yes
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
}

collect() {
    echo $$ >"$pid_file"
    child=""
    ended=no
    trap hand_on INT TERM
    trap 'rm -f "$pid_file"' EXIT
    echo "$(date -u +%FT%TZ) data collection begins, mode $mode${days:+, for $days days}"
    if has_containers; then follow_containers; else run_processes; fi
    echo "$(date -u +%FT%TZ) data collection ends"
}

# In a session of its own, which no closing terminal ends.
go_to_background() {
    command -v "$PY" >/dev/null || sh scripts/environment.sh
    "$PY" -c 'import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])' \
        sh scripts/run_data_collection.sh --foreground ${days:+--days "$days"} >>"$log" 2>&1 </dev/null &
    echo $! >"$pid_file" # at once: a second start may follow on the heels of this one
    echo "data collection runs in the background: tail -f $log"
    echo "stop it with: kill \"\$(cat $pid_file)\""
}

read_options "$@"
refuse_live
mkdir -p logs
refuse_second
if [ "$foreground" = yes ]; then collect; else go_to_background; fi
