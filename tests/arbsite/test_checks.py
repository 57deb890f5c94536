"""The numbered checks: each bad configuration yields its own number, a sound one none."""

from dataclasses import replace

import pytest
from django.conf import settings as django_settings

from arbsite import checks
from domain.scope import Mode, Scope
from domain.secret import Credentials, Secret

pytestmark = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")

ARB = django_settings.ARB
STRONG = "correct horse battery staple 42 tr0ub4dor & 3 more"


@pytest.fixture(autouse=True)
def own_names(settings):
    """Name the databases as outside a test run, and sign with a strong key."""
    settings.DATABASES = {"default": {**settings.DATABASES["default"], "NAME": ARB.database.name}}
    settings.SECRET_KEY = STRONG


def ids(settings, **changes) -> list[str]:
    settings.ARB = replace(ARB, **changes)
    return [message.id for message in checks.configuration_is_sound(None)]


def live(**changes) -> dict:
    database = replace(ARB.database, name=ARB.database.base_name)
    return {"scope": Scope(Mode.LIVE), "database": database, **changes}


def test_a_sound_configuration_has_nothing_to_say(settings):
    assert ids(settings) == []


def test_a_mode_on_anothers_database_is_e001(settings):
    assert ids(settings, scope=Scope(Mode.DRY_RUN)) == ["arbsite.E001"]


def test_another_engine_is_e002(settings):
    settings.DATABASES["default"]["ENGINE"] = "timescale.db.backends.postgresql"
    assert ids(settings) == ["arbsite.E002"]


def test_live_is_refused_while_its_gate_does_not_exist(settings):
    settings.DATABASES["default"]["NAME"] = ARB.database.base_name
    assert ids(settings, **live()) == ["arbsite.E003", "arbsite.W001"]


def test_live_refuses_a_bare_wallet_key_and_debug_pages(settings):
    settings.DATABASES["default"]["NAME"] = ARB.database.base_name
    settings.DEBUG = True
    found = ids(settings, **live(wallet_key=Secret("0x" + "1" * 64)))
    assert {"arbsite.E004", "arbsite.E005"} <= set(found)


def test_a_wallet_key_outside_live_is_accepted(settings):
    assert ids(settings, wallet_key=Secret("0x" + "1" * 64)) == []


@pytest.mark.parametrize("key", ["short", "a" * 60, "django-insecure-" + STRONG])
def test_a_weak_signing_key_is_e006(settings, key):
    settings.SECRET_KEY = key
    assert ids(settings) == ["arbsite.E006"]


@pytest.mark.parametrize("password", ["", "short", "operator-operator"])
def test_a_weak_password_is_e007(settings, password):
    assert ids(settings, web=replace(ARB.web, flower_password=Secret(password))) == ["arbsite.E007"]
    assert ids(settings, web=replace(ARB.web, admin_password=Secret(password))) == ["arbsite.E007"]


@pytest.mark.parametrize("weak", ["hunter2", "aaaaaaaaaaaaaaaa"])
def test_a_weak_password_of_the_pages_around_us_is_e007(settings, weak):
    dashboards = ARB.dashboards
    assert ids(settings, dashboards=replace(dashboards, password=Secret(weak))) == ["arbsite.E007"]
    assert ids(settings, dashboards=replace(dashboards, hook_token=Secret(weak))) == ["arbsite.E007"]
    assert ids(settings, models=replace(ARB.models, mlflow_password=Secret(weak))) == ["arbsite.E007"]


def test_one_key_in_two_processes_is_e008(settings):
    shared = Credentials(Secret("key-one"), Secret("secret"))
    venues = replace(ARB.venues, kraken=replace(ARB.venues.kraken, trade=shared, read=shared))
    assert ids(settings, venues=venues) == ["arbsite.E008"]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("redis://cache.example:6379/0", ["arbsite.E009"]),
        ("redis://:password@cache.example:6379/0", ["arbsite.E009"]),
        ("redis://:password-4242@cache.example:6379/0", []),
        ("redis://127.0.0.1:6379/0", []),
    ],
)
def test_an_open_broker_off_this_machine_is_e009(settings, url, found):
    assert ids(settings, redis=replace(ARB.redis, url=Secret(url))) == found


@pytest.mark.parametrize(
    ("host", "password", "found"),
    [
        ("timescaledb", "", ["arbsite.E010"]),
        ("timescaledb", "postgres", ["arbsite.E010"]),
        ("timescaledb", "trading_user-42", ["arbsite.E010"]),
        ("timescaledb", "correct horse battery", []),
        ("127.0.0.1", "postgres", []),
    ],
)
def test_a_database_off_this_machine_that_is_soon_guessed_is_e010(settings, host, password, found):
    settings.DATABASES["default"]["NAME"] = ARB.database.base_name
    server = replace(
        ARB.database, host=host, password=Secret(password), user="trading_user", is_embedded=False, port=5432
    )
    dry_run = {"scope": Scope(Mode.DRY_RUN), "database": replace(server, name=server.base_name)}
    assert ids(settings, **dry_run) == found


def test_a_simulation_may_lie_on_any_server(settings):
    server = replace(ARB.database, host="db.example", password=Secret("postgres"), is_embedded=False)
    assert ids(settings, database=server) == []


def test_a_password_that_grafana_would_expand_is_e011(settings):
    assert ids(settings, dashboards=replace(ARB.dashboards, password=Secret("correct$horse-battery"))) == [
        "arbsite.E011"
    ]


def test_no_message_shows_the_secret_it_is_about(settings):
    settings.SECRET_KEY = "weakling"
    settings.ARB = replace(ARB, web=replace(ARB.web, flower_password=Secret("hunter2")))
    shown = str(checks.configuration_is_sound(None))
    assert "weakling" not in shown
    assert "hunter2" not in shown
