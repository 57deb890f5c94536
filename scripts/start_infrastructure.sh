#!/bin/sh
# Starts the servers and pages in Docker, waits until they are well, checks the schema and offers models trained on the
# simulated market. Without Docker it sets up the project's own servers instead, and says so.
# exit: 0 started, 2 usage, 3 not well in time or the schema is behind, 4 refused, 5 a dependency is down
set -eu
cd "$(dirname "$0")/.."

PY=${PY:-.venv/bin/python}
servers="timescaledb redis migrate web mlflow grafana"
bootstrap=ask
wait_s=${ARB_WAIT_S:-600} # the first start builds the image

fail() {
    echo "$2" >&2
    exit "$1"
}

usage() {
    cat <<'EOF'
usage: scripts/start_infrastructure.sh [--bootstrap | --no-bootstrap]
  --bootstrap     train the models on the simulated market at the end, without asking
  --no-bootstrap  leave them untrained, without asking; both are asked for on a terminal alone
EOF
}

read_options() {
    for option in "$@"; do
        case $option in
            --bootstrap) bootstrap=yes ;;
            --no-bootstrap) bootstrap=no ;;
            -h | --help) usage && exit 0 ;;
            *) fail 2 "unknown option $option (--help lists them)" ;;
        esac
    done
}

has_docker() {
    command -v docker >/dev/null || { why="there is no docker command" && return 1; }
    docker compose version >/dev/null 2>&1 || { why="docker has no compose plugin" && return 1; }
    docker info >/dev/null 2>&1 || { why="no Docker engine answers" && return 1; }
}

# Compose would start some services and fail at the one whose port is taken.
refuse_taken_ports() {
    running=$(docker compose ps --services --status running)
    for pair in timescaledb:5433 redis:6379 grafana:3000 mlflow:5000 web:8000; do
        service=${pair%:*} port=${pair#*:}
        echo "$running" | grep -qx "$service" && continue # it is ours
        "$PY" -c "import sys; from arbsite.embedded.ports import is_free; sys.exit(not is_free($port))" ||
            fail 4 "port $port, where $service is to be found, is in use: end what listens there (ss -ltnp 'sport = :$port' names it) or give $service another port in docker-compose.override.yml"
    done
}

# One line a container: service, state, health (- without a check), exit code.
states() {
    # shellcheck disable=SC2086 # one word a service, and an id
    ids=$(docker compose ps --all --quiet $servers)
    # shellcheck disable=SC2086
    docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}} {{.State.ExitCode}}' $ids
}

wait_until_well() {
    echo "waiting until everything is well (up to $wait_s s)"
    deadline=$(($(date +%s) + wait_s))
    while :; do
        now=$(states)
        failed=$(echo "$now" | awk '$1 == "migrate" && $2 == "exited" && $4 != 0 {print $1}')
        [ -z "$failed" ] || fail 3 "the schema could not be set up: docker compose logs migrate"
        waiting=$(echo "$now" | awk '!($2 == "running" && $3 == "healthy") && !($1 == "migrate" && $2 == "exited") {print $1}')
        [ -n "$waiting" ] || return 0
        [ "$(date +%s)" -lt "$deadline" ] ||
            fail 3 "not well after $wait_s s: $(echo "$waiting" | tr '\n' ' ')- docker compose logs NAME tells why"
        sleep "${ARB_POLL_S:-3}"
    done
}

start_containers() {
    sh scripts/environment.sh
    "$PY" manage.py setup --env
    refuse_taken_ports
    ARB_COMMIT=$(git rev-parse HEAD 2>/dev/null || echo unknown)
    export ARB_COMMIT
    # shellcheck disable=SC2086 # one word a service
    docker compose up --detach --build $servers || fail 5 "docker compose could not start them: its lines above tell why"
    wait_until_well
    docker compose exec -T web python manage.py migrate --check >/dev/null ||
        fail 3 "the schema is behind: docker compose run --rm migrate"
    echo "the schema is complete"
    train="docker compose run --rm --no-deps worker-ml python scripts/bootstrap_ml_models.py"
}

start_embedded() {
    echo "No containers: $why."
    sh scripts/environment.sh
    "$PY" manage.py show_config >/dev/null || exit $? # what is wrong with a setting is told in one line
    if "$PY" -c "import sys; from arbsite import config; sys.exit(not config.current().database.is_embedded)"; then
        echo "The project's own PostgreSQL and Redis-compatible server are used instead: they start with each command and end with the last."
    else
        echo "The database server that .env names is used; with ARB_ENV_FILE=none before the command the project's own is."
    fi
    "$PY" manage.py setup || fail $? "the databases could not be set up: the line above tells why"
    train="$PY scripts/bootstrap_ml_models.py"
}

offer_bootstrap() {
    if [ "$bootstrap" = ask ]; then
        bootstrap=no
        if [ -t 0 ]; then
            printf "Train the models on the simulated market now, so that they have something to say? [y/N] "
            read -r answer
            case $answer in [yY]*) bootstrap=yes ;; esac
        fi
    fi
    [ "$bootstrap" = yes ] || { echo "models: untrained, the rules decide alone ($train trains them)" && return; }
    $train
}

tell_where_containers() {
    cat <<'EOF'
Grafana      http://localhost:3000   user operator, password in secrets/grafana_admin_password
MLflow       http://localhost:5000   user operator, password in secrets/arb_mlflow_password
admin        http://localhost:8000   user operator, password in secrets/arb_admin_password
TimescaleDB  localhost:5433          user and database in .env, password in secrets/timescale_password
Redis        localhost:6379          password in secrets/redis_password
next: scripts/run_data_collection.sh
EOF
}

tell_where_embedded() {
    echo "no Grafana and no TimescaleDB here; manage.py mlflow shows MLflow's page, make up runs every process"
    echo "next: ${ARB_ENV_FILE:+ARB_ENV_FILE=$ARB_ENV_FILE }scripts/run_data_collection.sh"
}

read_options "$@"
why=""
if has_docker; then
    start_containers
    offer_bootstrap
    tell_where_containers
else
    start_embedded
    offer_bootstrap
    tell_where_embedded
fi
