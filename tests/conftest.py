"""The ground every test stands on: our own settings and servers, never those of the operator's environment."""

import atexit
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings as django_settings
from django.db import connections
from hypothesis import HealthCheck, settings

from arbsite import config
from arbsite.config import claim_state_dir
from arbsite.config.variables import VARIABLES
from arbsite.embedded import locks
from arbsite.entry import lease_services
from ops.series import timescale_enabled
from tests import emptying


def _forget_the_operators_settings() -> None:
    kept = {"TEST_DATABASE_URL", "ARB_CHAIN", "ARB_RECORDED_DATA", "ARB_STATE_DIR"}
    for name in VARIABLES:
        if name not in kept:
            os.environ.pop(name, None)
    scratch = tempfile.mkdtemp(prefix="arbsite-tests-")
    os.environ |= {
        "ARB_ENV_FILE": "none",
        "ARB_MODE": "sim",
        "ARB_LOG_DIR": f"{scratch}/logs",
        "ARB_STOP_FILE": f"{scratch}/STOP",
    }


def _use_test_services() -> int:
    """Lease the servers, and return the slot whose databases are this process's alone."""
    test_database_url = os.environ.get("TEST_DATABASE_URL", "")  # stays: xdist's processes need it too
    if test_database_url:
        config.use_services(database_url=test_database_url)
    lease = lease_services()
    if lease is not None:
        lease.__enter__()
        atexit.register(lease.__exit__, None, None, None)
    slot = _take_slot(config.current().state_dir)
    server = config.current().redis_url.rsplit("/", 1)[0]
    config.use_services(redis_url=f"{server}/{slot}")  # database 0 is the running system's
    return slot


def _take_slot(state_dir: Path) -> int:
    for slot in range(1, 16):
        lock = locks.open_lock(claim_state_dir(state_dir) / f"tests-{slot}.lock")
        if locks.try_alone(lock):
            return slot  # the lock is held until this process ends
        os.close(lock)
    raise pytest.UsageError("fifteen test runs are under way in this checkout: wait for one to end")


pytest_plugins = ["tests.chain"]
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")  # a busy machine is no fault of the code's
_forget_the_operators_settings()
_SLOT = _use_test_services()
config.name_settings_module()
django.setup()
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of tests log in
django_settings.WHITENOISE_AUTOREFRESH = True  # or each test's client lists every file of the pages


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let each test process read its settings here: with the module named, pytest-django would read ours before."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Name the test database after our slot, so that runs side by side never share one."""
    database = connections["default"].settings_dict
    database["TEST"]["NAME"] = f"test_{database['NAME']}_{_SLOT}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Make the test database as pytest-django does; then save the tests what would only cost them time."""
    with django_db_blocker.unblock():
        _stop_policies()
        emptying.commit_without_waiting()
        emptying.empty_what_was_written()


def _stop_policies() -> None:
    """Let no policy of TimescaleDB run behind a test's back; one that means to run it calls it."""
    if timescale_enabled(connections["default"]):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT _timescaledb_functions.stop_background_workers()")


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Return a folder that another account can reach, as servers need where the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="arbsite-test-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder
