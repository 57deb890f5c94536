"""This process: its environment, its checkout, and the settings they give."""

import functools
import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from arbsite.config.build import build
from arbsite.config.generated import generated_secret
from arbsite.config.services import database_url
from arbsite.config.source import Source, read_source
from arbsite.config.tree import Arb
from arbsite.config.variables import SECRET_FILES, TIMESCALE, VARIABLES

CHECKOUT = Path(__file__).resolve().parent.parent.parent


@functools.cache
def current() -> Arb:
    """Return the settings of this process. Raises: BadInput."""
    arb = build(source(), checkout=CHECKOUT, state_dir=default_state_dir(CHECKOUT))
    secret_key = arb.web.secret_key or generated_secret(arb.state_dir, "secret_key")
    return replace(arb, commit=arb.commit or _commit(), web=replace(arb.web, secret_key=secret_key))


@functools.cache
def source() -> Source:
    """Return the variables that this process was given. Raises: BadInput."""
    env_file = os.environ.get("ARB_ENV_FILE", "").strip() or VARIABLES["ARB_ENV_FILE"].default
    return read_source(os.environ, None if env_file == "none" else CHECKOUT / env_file)


def default_state_dir(checkout: Path) -> Path:
    """Return where this checkout keeps its state: as root outside it, because servers refuse to run as root."""
    if os.geteuid() != 0:
        return checkout / ".local"
    return Path("/var/tmp") / f"arbsite-{hashlib.sha256(os.fsencode(checkout)).hexdigest()[:12]}"  # noqa: S108


def use_services(*, database_url: str | None = None, redis_url: str | None = None) -> None:
    """Let this process and its children use these servers instead of what the environment names."""
    given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    os.environ.update({name: url for name, url in given.items() if url})
    _forget()


def use_mode(mode: str) -> None:
    """Let this process and its children run in ``mode``."""
    os.environ["ARB_MODE"] = mode
    _forget()


def replace_values(values: Mapping[str, str], *, keep: Iterable[str]) -> None:
    """Let this process and its children see ``values`` and, of all that they were given, the variables of ``keep``."""
    given = source().values
    kept = {name: given[name] for name in keep if name in given}
    for name in (*VARIABLES, *SECRET_FILES):
        os.environ.pop(name, None)
    os.environ.update({**kept, **values, "ARB_ENV_FILE": "none"})
    _forget()


def name_settings_module() -> None:
    """Tell Django which settings are ours."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "arbsite.settings")


def keep_caches_in(state_dir: Path) -> None:
    """Let libraries that would keep a cache in the user's home keep it in ``state_dir``."""
    os.environ.setdefault("MPLCONFIGDIR", str(state_dir / "cache" / "matplotlib"))


def keep_libraries_quiet() -> None:
    """Let no library send word of its use to its makers, nor set up logging beside ours."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_CONFIGURE_LOGGING": "false"}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)


def prepend_to_path(folder: Path) -> None:
    """Let programs in ``folder`` be found before others of the same name."""
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"


def child_environ(secrets: Iterable[str] = ()) -> dict[str, str]:
    """Return the environment of a child: ours, of the secrets only those named, and no ``.env`` file to read."""
    allowed = set(secrets)
    plain = {name: value for name, value in os.environ.items() if name not in VARIABLES and name not in SECRET_FILES}
    given = {
        name: value
        for name, value in source().values.items()
        if name not in TIMESCALE and (name in allowed or not VARIABLES[name].is_secret)
    }
    database = current().database
    if "DATABASE_URL" in allowed and database.port:
        given["DATABASE_URL"] = database_url(database)  # one address, whichever way it was configured
    if "REDIS_URL" in allowed and current().redis_url:
        given["REDIS_URL"] = current().redis_url
    return plain | given | {"ARB_ENV_FILE": "none"}


def own_environ(variables: Mapping[str, str]) -> dict[str, str]:
    """Return our own environment with ``variables`` on top: what lies in files is still named, not shown."""
    return {**os.environ, **variables}


def _commit() -> str:
    asked = ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # no git here: a container image sets ARB_COMMIT


def _forget() -> None:
    current.cache_clear()
    source.cache_clear()
