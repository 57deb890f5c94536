"""MLflow's own page over our store: behind a password, one worker, without its job runners or its telemetry."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from arbsite import config
from arbsite.config import Arb
from arbsite.processes import Process
from domain.errors import BadInput, Refused
from mlops.registry import DATABASES, Registry

USER = "operator"
SECRET = "mlflow_password"  # noqa: S105  (the name of a file, not its content)


@dataclass(frozen=True, slots=True)
class Page(Process):
    """The process that serves the page, with what it alone is told."""

    told: Mapping[str, str] | None = None

    def environ(self) -> dict[str, str]:
        """Return its environment, none of our secrets among it."""
        ours = config.child_environ()
        return {name: value for name, value in ours.items() if not name.startswith("MLFLOW_")} | dict(self.told or {})


def page(arb: Arb, *, host: str, port: int) -> Page:
    """Return the page's process over the store that versions are mirrored to.

    Raises: Refused where that store is a server, which has a page of its own; BadInput, Unreachable.
    """
    folder = arb.state_dir / "mlflow"
    store, artifacts = _store(arb, folder)
    options = (f"--host={host}", f"--port={port}", "--workers=1", "--app-name=basic-auth", "--no-serve-artifacts")
    argv = (sys.executable, "-m", "mlflow", "server", *options, f"--default-artifact-root={artifacts.as_uri()}")
    return Page("mlflow", argv, told=_told(arb, store, folder), port=port)


def _store(arb: Arb, folder: Path) -> tuple[str, Path]:
    uri = arb.models.mlflow_uri
    if uri is None:
        return Registry.embedded_in(folder)
    scheme = uri.reveal().partition(":")[0].partition("+")[0]
    if scheme in ("http", "https"):
        raise Refused("MLFLOW_TRACKING_URI names a server, which has a page of its own: open that")
    if scheme not in DATABASES:
        raise BadInput(f"MLFLOW_TRACKING_URI is no database of MLflow's: it takes {', '.join(DATABASES)}")
    return uri.reveal(), (folder / "artifacts").resolve()


def _told(arb: Arb, store: str, folder: Path) -> dict[str, str]:
    password = arb.models.mlflow_password or config.generated_password(arb.state_dir, SECRET)
    return {
        "MLFLOW_BACKEND_STORE_URI": store,  # it may hold a password, which a command line would show to everybody
        "MLFLOW_AUTH_CONFIG_PATH": str(_auth_settings(folder)),
        "MLFLOW_AUTH_ADMIN_USERNAME": USER,
        "MLFLOW_AUTH_ADMIN_PASSWORD": password.reveal(),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": config.generated_secret(arb.state_dir, "mlflow_secret_key").reveal(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def _auth_settings(folder: Path) -> Path:
    """Return the file of who may look, its users made anew: the one user's password is always the configured one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    users, file = (folder / "users.db").resolve(), folder / "basic_auth.ini"
    users.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{users}\n")
    return file
