"""The Compose file: valid, guarded, and in step with the processes, the variables and the secrets of the code."""

import re
import subprocess
import sys

import pytest

from arbsite import celery
from arbsite.config.source import read_assignments
from arbsite.config.variables import SECRET_FILES, VARIABLES
from arbsite.dashboards.files import read
from arbsite.processes import SERVERS, Ports, table
from arbsite.setup import env_files
from ops.queues import Queue
from tests.deploy import stack

SERVICES = stack.services()
TABLE = {process.name: process for process in table(Ports(web=8000, flower=5555))}
OURS = [name for name, service in SERVICES.items() if "build" in service]
OF_OTHERS = [name for name in SERVICES if name not in OURS]
SERVER_SECRETS = {"timescale_password", "redis_password"}
PUBLISHED = {"timescaledb": 5433, "redis": 6379, "grafana": 3000, "mlflow": 5000, "flower": 5555, "web": 8000}
# what Compose fixes, what lies inside the image, and what only a developer's machine has
NOT_PASSED_ON = {
    *("ARB_ENV_FILE", "ARB_STATE_DIR", "ARB_LOG_DIR", "ARB_STOP_FILE", "ARB_MODEL_DIR", "ARB_BACKUP_DIR"),
    *("ARB_PG_PROGRAMS", "ARB_COMMIT", "ARB_CHAIN", "ARB_RECORDED_DATA", "ARB_RUN_ID", "ARB_PARTITION"),
    *("ARB_ETHEREUM_DEPLOYMENT", "ARB_POLYGON_DEPLOYMENT", "ARB_WEB_PORT", "ARB_FLOWER_PORT", "ARB_INTERNAL_HOSTS"),
    *("ARB_DEBUG", "ARB_METRICS_ADDRESS", "ARB_TIMESCALE"),
    *("TIMESCALE_HOST", "TIMESCALE_PORT", "TIMESCALE_USER", "TIMESCALE_DB"),
}
KEYS = {
    *("image", "pull_policy", "build", "user", "init", "read_only", "cap_drop", "security_opt", "group_add", "restart"),
    *("command", "entrypoint", "working_dir", "environment", "secrets", "ports", "volumes", "tmpfs", "depends_on"),
    *("healthcheck", "deploy", "logging", "stop_signal", "stop_grace_period", "shm_size", "profiles"),
}
SECRETS_GROUP = "${SECRETS_GID:?run manage.py setup --env, which writes .env}"
MOUNTED = {
    "timescaledb": {"timescale-data", "./docker/timescaledb/100_roles.sh"},
    "redis": {"redis-data", "./docker/redis"},
    "web": {"control", "models", "backups"},
    "stream": {"control", "models"},
    "worker-scan": {"control", "models", "backups"},
    "worker-account": {"control", "models"},
    "worker-execution": {"control", "models"},
    "worker-ml": {"control", "models", "mlflow", "backups"},
    "mlflow": {"mlflow"},
    "grafana": {"grafana-data", "./grafana/provisioning", "./grafana/dashboards"},
    "prometheus": {"prometheus-data", "./prometheus"},
}
HEALTH_OF_OTHERS = {  # each asks its server for something, and fails where that is not what it should be
    "timescaledb": "pg_extension WHERE extname = 'timescaledb'\" | grep -qx 1",
    "redis": "redis-cli ping | grep -qx PONG",
    "grafana": "/api/health | grep -Eq",
    "mlflow": "/health'",
    "prometheus": "/-/healthy",
}


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> dict[str, str]:
    """Return the variables that set-up writes."""
    folder = tmp_path_factory.mktemp("stack")
    env_files.make_files(folder)
    return read_assignments(folder / ".env")


def test_it_is_valid_by_the_published_schema():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(stack.COMPOSE)]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_every_service_is_there_and_prometheus_alone_is_a_choice():
    of_the_table = {"web", "stream", "worker-scan", "worker-account", "worker-execution", "worker-ml", "beat", "flower"}
    assert set(TABLE) == of_the_table
    assert set(SERVICES) == of_the_table | {"timescaledb", "redis", "migrate", "mlflow", "grafana", "prometheus"}
    assert SERVICES["prometheus"]["profiles"] == ["prometheus"]
    assert not [name for name in SERVICES if name != "prometheus" and "profiles" in SERVICES[name]]


def test_ports_are_published_on_loopback_alone():
    found = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    inner = {"timescaledb": 5432}
    assert found == {name: [f"127.0.0.1:{port}:{inner.get(name, port)}"] for name, port in PUBLISHED.items()}
    assert not [name for name, service in SERVICES.items() if "network_mode" in service or service.get("privileged")]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_as_nobody_special_in_a_closed_box(name):
    service = SERVICES[name]
    user, _, group = service["user"].partition(":")
    assert int(user) > 0 and group.isdigit()
    assert set(service) <= KEYS, "what is not known here may open the box"
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["group_add"] == [SECRETS_GROUP]
    assert service["read_only"] is True
    assert {"cpus", "memory", "pids"} == set(service["deploy"]["resources"]["limits"])
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_again_and_says_how_it_is(name):
    service = SERVICES[name]
    if name == "migrate":  # it ends
        assert service["restart"] == "no" and "healthcheck" not in service
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period", "test"} == set(service["healthcheck"])
    assert HEALTH_OF_OTHERS.get(name, "arbsite.probe") in " ".join(service["healthcheck"]["test"])


@pytest.mark.parametrize("name", OF_OTHERS)
def test_tags_are_pinned(name):
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image and re.match(r"v?\d+\.\d+\.\d+", tag)


def test_our_own_image_is_one_with_the_commit_as_its_argument():
    assert {SERVICES[name]["image"] for name in OURS} == {"arbsite:0.1.0"}
    assert all(SERVICES[name]["build"]["args"] == {"COMMIT": "${ARB_COMMIT:-unknown}"} for name in OURS)


@pytest.mark.parametrize("name", TABLE)
def test_a_process_of_the_table_is_started_by_its_row_and_probed_by_its_work(name):
    service = SERVICES[name]
    assert service["command"][:4] == ["python", "manage.py", "run", name]
    asked = ["queue", TABLE[name].queue] if TABLE[name].queue else [name]
    assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "arbsite.probe", *asked]


@pytest.mark.parametrize("name", TABLE)
def test_a_process_of_the_table_sees_the_secrets_of_its_row_and_no_other(name):
    of_the_row = {secret.lower() for secret in TABLE[name].secrets if secret != "MLFLOW_TRACKING_URI"}  # kept locally
    assert set(SERVICES[name]["secrets"]) == SERVER_SECRETS | of_the_row
    assert set(SERVERS) == {"DATABASE_URL", "REDIS_URL"}  # whose parts the two files of every service are


@pytest.mark.parametrize("name", OURS)
def test_every_secret_is_a_file_that_its_variable_names(name):
    service = SERVICES[name]
    files = {key: value for key, value in service["environment"].items() if key in SECRET_FILES}
    assert files == {f"{secret.upper()}_FILE": f"/run/secrets/{secret}" for secret in service["secrets"]}
    in_clear = {key for key in service["environment"] if key in VARIABLES and VARIABLES[key].is_secret}
    assert in_clear <= {"REDIS_URL"} and "@" not in service["environment"].get("REDIS_URL", "")


def test_each_key_of_a_venue_is_seen_by_one_service():
    def seen_by(secret: str) -> set[str]:
        return {name for name, service in SERVICES.items() if secret in service.get("secrets", ())}

    for secret in ("kraken_api_key", "kraken_api_secret", "alpaca_api_key", "alpaca_api_secret", "wallet_private_key"):
        assert seen_by(secret) == {"worker-execution"}
    for secret in ("kraken_read_api_key", "kraken_read_api_secret", "alpaca_read_api_key", "alpaca_read_api_secret"):
        assert seen_by(secret) == {"worker-account"}
    assert seen_by("alpaca_data_api_key") == seen_by("alpaca_data_api_secret") == {"stream"}
    assert seen_by("postgres_password") == {"timescaledb"}
    assert seen_by("arb_restore_url") == {"worker-ml"}
    assert seen_by("arb_secret_key") == {"web"}


def test_the_secrets_are_those_that_setup_makes():
    made = {name.lower() for name in (*env_files.GENERATED, *env_files.TO_FILL_IN, "ARB_RESTORE_URL")}
    declared = stack.written()["secrets"]
    assert set(declared) == made
    folder = "${SECRETS_DIR:?run manage.py setup --env, which writes .env}"
    assert declared == {name: {"file": f"{folder}/{name}"} for name in made}
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert used == made


@pytest.mark.parametrize("name", OURS)
def test_every_setting_that_is_no_secret_is_passed_on(name):
    passed = set(SERVICES[name]["environment"])
    settings = {variable.name for variable in VARIABLES.values() if not variable.is_secret} - NOT_PASSED_ON
    assert settings <= passed
    assert passed <= (set(VARIABLES) | set(SECRET_FILES)) - {"ARB_DEBUG"}
    assert SERVICES[name]["environment"].get("ARB_TIMESCALE", "required") == "required"
    for setting in settings - {"ARB_MODE"}:
        assert SERVICES[name]["environment"][setting] == f"${{{setting}:-}}"


def test_what_setup_writes_is_all_that_is_required(given):
    assert stack.filled(given)["services"]["web"]["group_add"] == [given["SECRETS_GID"]]
    required = set(re.findall(r"\$\{(\w+):\?", stack.COMPOSE.read_text()))
    assert required == {"ARB_MODE", "TIMESCALE_USER", "TIMESCALE_DB", "SECRETS_DIR", "SECRETS_GID"}
    assert not re.findall(rf"\$\{{({'|'.join(required)})\b(?!:\?)", stack.COMPOSE.read_text())
    for name in required:
        with pytest.raises(stack.NotGiven, match=f"{name}: run manage.py setup --env"):
            stack.filled({**given, name: ""})


def test_no_password_stands_in_the_file_and_none_has_a_default():
    text = stack.COMPOSE.read_text()
    assert not re.search(r"(PASSWORD|SECRET|TOKEN|KEY)\w*: *[\"']?\w*\$\{\w+:?-", text)
    assert not re.search(r"(PASSWORD|TOKEN)(__FILE)?: (?!/run/secrets/)", text)


def test_nothing_starts_before_what_it_needs_is_well():
    for name in TABLE:
        assert SERVICES[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "timescaledb": {"condition": "service_healthy"},
            "redis": {"condition": "service_healthy"},
        }
    assert SERVICES["migrate"]["depends_on"]["timescaledb"] == {"condition": "service_healthy"}
    assert SERVICES["grafana"]["depends_on"]["web"] == {"condition": "service_healthy"}


def _seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_a_stop_waits_longer_than_a_step_of_an_execution():
    grace_s = {name: _seconds(SERVICES[name]["stop_grace_period"]) for name in TABLE if TABLE[name].queue}
    soft_s = celery.app.conf.worker_soft_shutdown_timeout
    assert grace_s["worker-execution"] > celery.HARD_LIMIT_S + soft_s
    assert {f"worker-{queue.value}" for queue in Queue} == set(grace_s)
    assert min(grace_s.values()) > soft_s


def test_the_broker_keeps_what_it_accepted():
    lines = (stack.CHECKOUT / "docker/redis/redis.conf").read_text().splitlines()
    assert {"appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction"} <= set(lines)
    assert SERVICES["redis"]["entrypoint"][-1].endswith("start.sh")


def test_grafana_lets_in_whom_it_knows_and_shows_its_home():
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == environment["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert environment["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana_admin_password"
    assert environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == "/var/lib/grafana/dashboards/arbitrage.json"
    homes = [mount.split(":")[1] for mount in SERVICES["grafana"]["volumes"] if "grafana/dashboards" in mount]
    assert homes == list(read(stack.CHECKOUT / "grafana").providers) == ["/var/lib/grafana/dashboards"]
    assert environment["ARB_DASHBOARDS_USER"] == f"${{ARB_DASHBOARDS_USER:-{VARIABLES['ARB_DASHBOARDS_USER'].default}}}"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sees_its_own_folders_and_no_other(name):
    mounts = [mount.split(":")[0] for mount in SERVICES[name].get("volumes", ())]
    assert set(mounts) == MOUNTED.get(name, set()) and len(mounts) == len(set(mounts))
    assert not any(stack.written()["volumes"].values()), "volumes are this machine's own"


@pytest.mark.parametrize("name", OF_OTHERS)
def test_another_programs_service_is_given_no_secret_in_its_environment(name):
    environment = SERVICES[name].get("environment", {})
    in_files = {value for value in environment.values() if value.startswith("/run/secrets/")}
    assert in_files <= {f"/run/secrets/{secret}" for secret in SERVICES[name].get("secrets", ())}
    filled_in = {found for value in environment.values() for found in re.findall(r"\$\{(\w+)", value)}
    assert filled_in <= {"TIMESCALE_USER", "TIMESCALE_DB", "ARB_DASHBOARDS_USER"}
    assert not set(environment) & {"POSTGRES_HOST_AUTH_METHOD", "GF_AUTH_PROXY_ENABLED", "GF_AUTH_BASIC_ENABLED"}


def test_what_is_mounted_from_the_checkout_is_there_and_read_only():
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ()) if mount[0] == "."]
    assert mounts
    for mount in mounts:
        source, _, mode = mount.split(":")
        assert mode == "ro" and (stack.CHECKOUT / source).exists()


def test_models_are_written_where_they_are_trained_alone():
    writers = {
        name
        for name, service in SERVICES.items()
        for mount in service.get("volumes", ())
        if mount == "models:/var/lib/arbsite/models"
    }
    assert writers == {"worker-ml"}
    stop_file = {
        name for name, service in SERVICES.items() if "control:/var/lib/arbsite/control" in service.get("volumes", ())
    }
    assert stop_file == {"web"}


def test_volumes_lie_where_the_image_expects_them():
    image = (stack.CHECKOUT / "Dockerfile").read_text()
    for mount in (mount for name in OURS for mount in SERVICES[name].get("volumes", ())):
        assert mount.split(":")[1] in image
