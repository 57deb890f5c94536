"""System checks of the configuration, numbered: what must hold before a command or a worker starts."""

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

from arbsite.config import DATABASE_SUFFIX, Arb
from arbsite.config.placeholders import SHORTEST_PASSWORD, is_weak
from domain.scope import Mode
from domain.secret import Credentials

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", ""})
_SHORTEST_KEY = 40
_MLFLOW_USER = "operator"
_LET_SETUP = "manage.py setup --env makes one; a server that runs already has to be told of it too."

Check = Callable[[Arb], Iterator[CheckMessage]]


@register()
def configuration_is_sound(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with ``settings.ARB`` and with what Django was made of it."""
    return [message for check in CHECKS for message in check(settings.ARB)]


def database_fits_mode(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E001: rows of one mode must never land in another's database."""
    wanted = arb.database.base_name + DATABASE_SUFFIX[arb.scope.mode]
    used = settings.DATABASES["default"]["NAME"]
    if not arb.database.name == used == wanted:
        yield _error(1, f"Mode {arb.scope.mode} keeps its rows in {wanted}, but the database in use is {used}.")


def engine_is_djangos_own(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E002: other engines drop the primary keys of series, or lack row locks."""
    engine = settings.DATABASES["default"]["ENGINE"]
    if engine != "django.db.backends.postgresql":
        yield _error(2, f"The database engine is {engine}; it must be django.db.backends.postgresql.")


def live_has_its_gate(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E003: live without the machine-checked gate is refused, and a gate that is not there is not passed."""
    if arb.scope.mode is Mode.LIVE and importlib.util.find_spec("arbsite.golive") is None:
        yield _error(3, "Live mode is refused: its gate does not exist in this version.", hint="Set ARB_MODE=dry_run.")


def live_has_no_bare_wallet_key(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E004: in live the wallet's key comes from a keystore, never from the environment."""
    if arb.scope.mode is Mode.LIVE and arb.wallet_key:
        yield _error(4, "WALLET_PRIVATE_KEY is set in live mode.", hint="Live takes the encrypted keystore.")


def live_shows_no_debug_pages(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E005: debug pages show settings and rows to whoever provokes an error."""
    if arb.scope.mode is Mode.LIVE and settings.DEBUG:
        yield _error(5, "ARB_DEBUG is on in live mode.")


def signing_key_is_strong(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E006: who guesses the signing key signs in as anyone."""
    key = settings.SECRET_KEY
    if len(key) < _SHORTEST_KEY or len(set(key)) < 10 or "insecure" in key:
        hint = f"Use at least {_SHORTEST_KEY} random characters, or leave it out: one is generated."
        yield _error(6, "ARB_SECRET_KEY is too weak.", hint=hint)


def passwords_are_strong(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E007: every page and role of ours asks for a password, and not for one that is soon guessed."""
    given = (
        ("ARB_FLOWER_PASSWORD", arb.web.flower_user, arb.web.flower_password),
        ("ARB_ADMIN_PASSWORD", arb.web.admin_user, arb.web.admin_password),
        ("ARB_MLFLOW_PASSWORD", _MLFLOW_USER, arb.models.mlflow_password),
        ("ARB_DASHBOARDS_PASSWORD", arb.dashboards.user, arb.dashboards.password),
        ("ARB_HOOK_TOKEN", "grafana", arb.dashboards.hook_token),
    )
    for name, user, password in given:
        if password is not None and is_weak(password.reveal(), user):
            hint = f"Use at least {SHORTEST_PASSWORD} characters without the user's name, or leave it out."
            yield _error(7, f"{name} is too weak.", hint=hint)


def each_key_has_one_process(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E008: two processes on one key spoil each other's nonces, and the reader could trade."""
    for venue, own in (("KRAKEN", arb.venues.kraken), ("ALPACA", arb.venues.alpaca)):
        keys = [pair.key for pair in (own.trade, own.read, getattr(own, "data", None)) if isinstance(pair, Credentials)]
        if len(set(keys)) < len(keys):
            yield _error(
                8, f"{venue}_API_KEY and another key of that venue are the same.", hint="One key, one process."
            )


def broker_is_guarded(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E009: whoever reaches an open broker forges tasks."""
    url = urlsplit(arb.redis_url)
    if (url.hostname or "") in LOOPBACK:
        return
    if not url.password:
        yield _error(9, f"REDIS_URL names {url.hostname} without a password.", hint=_LET_SETUP)
    elif is_weak(url.password, url.username or "default"):
        yield _error(9, f"The password of Redis at {url.hostname} is too weak.", hint=_LET_SETUP)


def database_is_guarded(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E010: whoever reaches a database that others can reach too signs in with a password hard to guess.

    What replays and simulations leave behind is worth nothing, and may lie on any server.
    """
    is_worth_much = arb.scope.mode in (Mode.DRY_RUN, Mode.LIVE)
    password = arb.database.password.reveal()
    if arb.database.is_embedded or arb.database.host in LOOPBACK or not is_worth_much:
        return
    if is_weak(password, arb.database.user):
        what = "is too weak" if password else "is missing"
        yield _error(10, f"The password of the database at {arb.database.host} {what}.", hint=_LET_SETUP)


def dashboards_can_read_their_password(arb: Arb) -> Iterator[CheckMessage]:
    """Yield E011: Grafana reads the password from a file and expands what follows a dollar sign."""
    if arb.dashboards.password and "$" in arb.dashboards.password.reveal():
        yield _error(11, "ARB_DASHBOARDS_PASSWORD holds a dollar sign, which Grafana would expand.", hint=_LET_SETUP)


def someone_hears_live(arb: Arb) -> Iterator[CheckMessage]:
    """Yield W001: in live an alert must reach somebody who is not looking at the screen."""
    if arb.scope.mode is Mode.LIVE and not arb.alert_urls:
        yield checks.Warning("ARB_ALERT_URLS is empty: in live mode nobody is told of an alert.", id="arbsite.W001")


CHECKS: tuple[Check, ...] = (
    database_fits_mode,
    engine_is_djangos_own,
    live_has_its_gate,
    live_has_no_bare_wallet_key,
    live_shows_no_debug_pages,
    signing_key_is_strong,
    passwords_are_strong,
    each_key_has_one_process,
    broker_is_guarded,
    database_is_guarded,
    dashboards_can_read_their_password,
    someone_hears_live,
)


def _error(number: int, message: str, hint: str | None = None) -> Error:
    return Error(message, hint=hint, id=f"arbsite.E{number:03d}")
