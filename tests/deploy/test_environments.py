"""The environments that Compose gives: settings that load, each process's own keys in them, deploy checks silent."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from arbsite import config
from arbsite.config.source import read_assignments
from arbsite.config.variables import SECRET_FILES, VARIABLES
from arbsite.setup import env_files
from domain.errors import BadInput
from domain.scope import Mode
from tests.deploy import stack

OURS = [name for name, service in stack.services().items() if "build" in service]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder that was set up, every key filled in."""
    folder = tmp_path_factory.mktemp("stack")
    env_files.make_files(folder)
    for name in ("kraken_api", "kraken_read_api", "alpaca_api", "alpaca_read_api", "alpaca_data_api"):
        (folder / "secrets" / f"{name}_key").write_text(f"{name}-key-of-a-test\n")
        (folder / "secrets" / f"{name}_secret").write_text(f"{name}-secret-of-a-test\n")
    return folder


def environment(service: str, folder: Path, **given: str) -> dict[str, str]:
    """Return what the container of ``service`` sees, the image's own variables included."""
    named = read_assignments(folder / ".env") | given
    own = {"ARB_ENV_FILE": "none", "ARB_STATE_DIR": str(folder / "state"), "ARB_COMMIT": "0" * 40}
    return own | stack.environment(service, named, secrets_dir=folder / "secrets")


def load(environ: Mapping[str, str]) -> config.Arb:
    return config.load(environ, None, checkout=stack.CHECKOUT, state_dir=Path("/nowhere"))


@pytest.mark.parametrize("service", OURS)
def test_a_service_loads_its_settings_and_holds_its_own_keys(service, folder):
    arb = load(environment(service, folder))
    kraken, alpaca = arb.venues.kraken, arb.venues.alpaca
    assert bool(kraken.trade) == bool(alpaca.trade) == (service == "worker-execution")
    assert bool(kraken.read) == bool(alpaca.read) == (service == "worker-account")
    assert bool(alpaca.data) == (service == "stream")
    assert arb.scope.mode is Mode.DRY_RUN
    if service != "mlflow":  # it needs neither server
        assert (arb.database.host, arb.database.name, arb.database.user) == (
            "timescaledb",
            "trading_db",
            "trading_user",
        )
        assert arb.redis_url.startswith("redis://:") and arb.redis_url.endswith("@redis:6379/0")
        assert arb.series.requires_timescale


def test_a_setting_of_the_env_file_reaches_every_process(folder):
    for service in OURS:
        arb = load(environment(service, folder, ARB_MAX_TRADE_USD="100", ARB_PAIRS="BTC/USD"))
        assert (int(arb.trading.max_trade_usd), [pair.symbol for pair in arb.pairs]) == (100, ["BTC/USD"])


@pytest.mark.parametrize("text", ["", "trading_pass_change_in_production", "admin"])
def test_no_service_starts_on_a_default_or_missing_password(folder, tmp_path, text):
    spoilt = environment("worker-execution", folder)
    spoilt["TIMESCALE_PASSWORD_FILE"] = str(tmp_path / "password")
    (tmp_path / "password").write_text(text)
    with pytest.raises(BadInput, match="TIMESCALE_PASSWORD"):
        load(spoilt)


def test_deploy_checks_have_nothing_to_say_behind_tls(folder):  # on loopback the four about TLS: test_settings.py
    inherited = {
        name: value for name, value in os.environ.items() if name not in VARIABLES and name not in SECRET_FILES
    }
    checked = subprocess.run(
        (sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        cwd=stack.CHECKOUT,
        env=inherited | environment("web", folder, ARB_ALLOWED_HOSTS="arbitrage.example.com"),
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
    assert "no issues (0 silenced)" in checked.stdout + checked.stderr
