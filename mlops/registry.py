"""MLflow, which people look into: what we write there. Nothing is ever loaded from it, and nothing else imports it."""

import logging
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from domain.errors import Unreachable
from mlops.bundle import BadBundle, Bundle

TIMEOUT_S = 5
RETRIES = 1
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306}
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
ODD = (LookupError, TypeError, AttributeError, ValueError, ImportError)  # raised on odd answers, odd addresses


@dataclass(frozen=True, slots=True)
class Record:
    """One version of a model as MLflow is told of it; ``key`` is what its run is found by again."""

    experiment: str
    registered_name: str
    name: str
    about: str
    folder: Path  # whose files are copied
    key: Mapping[str, str]
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    measured_at_ms: int


@dataclass(frozen=True, slots=True)
class Known:
    """Under which names MLflow knows a version."""

    run_id: str
    version: str


def load_library() -> None:
    """Import MLflow and what its stores take."""
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 - late: see _client


class Registry:
    """A tracking store and a model registry at one address."""

    def __init__(self, client: Any, artifacts: Path | None) -> None:
        self._client = client
        self._artifacts = artifacts  # None where a server keeps them

    @classmethod
    def open(cls, uri: str | None, folder: Path) -> Self:
        """Return the registry at ``uri``, or else an embedded one in ``folder``. Raises: Unreachable."""
        for name in ("alembic", "mlflow"):
            logging.getLogger(name).setLevel(logging.WARNING)  # a new store tells of every table it makes
        with _translated():
            _bound_calls()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            address = uri or f"sqlite:///{_embedded(folder)}"
            artifacts = None if address.startswith("http") else _artifacts_of(folder)
            _prove_open(address)
            client = _client(address)
            if artifacts is not None:
                _prove_whole(address, artifacts)
            return cls(client, artifacts)

    @classmethod
    def embedded_in(cls, folder: Path) -> tuple[str, Path]:
        """Return the address of the embedded store, made where it is absent, and where its files are.

        Raises: Unreachable.
        """
        if not (folder / "mlflow.db").exists():
            cls.open(None, folder)
        return f"sqlite:///{(folder / 'mlflow.db').resolve()}", _artifacts_of(folder)

    def record(self, record: Record) -> Known:
        """Write one version, its files included, unless it is known already; return its names. Raises: Unreachable."""
        with _translated():
            run = self._run(record)
            return Known(run.info.run_id, self._version(record, run))

    def name_versions(self, registered_name: str, numbers: Mapping[str, str]) -> None:
        """Let each alias name the version of that number, and no other alias name any. Raises: Unreachable."""
        with _translated():
            if not numbers and not self._is_registered(registered_name):
                return
            stored = self._client.get_registered_model(registered_name).aliases
            for alias in stored.keys() - numbers.keys():
                self._client.delete_registered_model_alias(registered_name, alias)
            for alias, number in numbers.items():
                if str(stored.get(alias)) != number:
                    self._client.set_registered_model_alias(registered_name, alias, number)

    def _run(self, record: Record) -> Any:
        experiment_id = self._experiment_id(record.experiment)
        asked = " and ".join(f"tags.{name} = '{value}'" for name, value in record.key.items())
        found = self._client.search_runs([experiment_id], filter_string=asked, max_results=1)
        run = found[0] if found else self._new_run(experiment_id, record)
        if run.info.status != "FINISHED":  # new, or broken off half-way
            self._fill(run.info.run_id, record)
        return run

    def _new_run(self, experiment_id: str, record: Record) -> Any:
        told = {**record.tags, **record.key, "mlflow.note.content": record.about}
        return self._client.create_run(experiment_id, start_time=record.measured_at_ms, run_name=record.name, tags=told)

    def _fill(self, run_id: str, record: Record) -> None:
        from mlflow.entities import Metric, Param  # late: see _client

        params = [Param(name, value) for name, value in record.params.items()]
        metrics = [Metric(name, value, record.measured_at_ms, 0) for name, value in record.metrics.items()]
        self._client.log_batch(run_id, metrics=metrics, params=params)
        bundle = Bundle.read(record.folder.parent, record.folder.name)  # its own files alone, and as they were written
        for name in sorted(bundle.files()):
            self._client.log_artifact(run_id, str(record.folder / name), "model")
        self._client.set_terminated(run_id)

    def _version(self, record: Record, run: Any) -> str:
        name = record.registered_name
        if not self._is_registered(name):
            self._client.create_registered_model(name)
        known = self._client.search_model_versions(f"run_id = '{run.info.run_id}'")
        found = next((version for version in known if version.name == name), None)
        if found is None:
            source = f"{run.info.artifact_uri}/model"
            found = self._client.create_model_version(
                name, source, run.info.run_id, tags=dict(record.key), description=record.about
            )
        return str(found.version)

    def _experiment_id(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            where = None if self._artifacts is None else (self._artifacts / name).as_uri()
            return str(self._client.create_experiment(name, artifact_location=where))
        if found.lifecycle_stage == "deleted":  # by hand, which only hides it
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _is_registered(self, name: str) -> bool:
        return bool(self._client.search_registered_models(f"name = '{name}'"))


def _bound_calls() -> None:
    """Let calls end soon, and an embedded store that was deleted under a client be noticed."""
    from mlflow import environment_variables  # late: as below

    wanted = {
        environment_variables.MLFLOW_HTTP_REQUEST_TIMEOUT: TIMEOUT_S,
        environment_variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES: RETRIES,
        environment_variables.MLFLOW_SQLALCHEMYSTORE_POOLCLASS: "NullPool",
    }
    for variable, value in wanted.items():
        if not variable.is_set():
            variable.set(value)


def _client(address: str) -> Any:
    from mlflow import MlflowClient  # late: seconds and 170 MB, in the ml worker and train alone

    return MlflowClient(tracking_uri=address, registry_uri=address)


def _embedded(folder: Path) -> Path:
    """Return the file of the embedded store, made aside: MLflow cannot mend one whose making was broken off."""
    file = (folder / "mlflow.db").resolve()
    if not file.exists():
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as aside:
            made = Path(aside, file.name)
            _prove_whole(f"sqlite:///{made.resolve()}", _artifacts_of(folder))
            with suppress(FileExistsError):  # another process was quicker
                os.link(made, file)
    return file


def _artifacts_of(folder: Path) -> Path:
    return (folder / "artifacts").resolve()


def _prove_open(address: str) -> None:
    """Raise at once where nobody is at home or lets us in: MLflow itself would try again and again for minutes."""
    import sqlalchemy  # late: as below

    parts = urlsplit(address)
    scheme = parts.scheme.partition("+")[0]
    if parts.hostname and (port := parts.port or PORTS.get(scheme)):
        socket.create_connection((parts.hostname, port), timeout=TIMEOUT_S).close()
    if scheme in DATABASES:
        sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool).connect().close()


def _prove_whole(address: str, artifacts: Path) -> None:
    """Let a store that is empty get its tables: a client makes them once, and a store may be deleted under it."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # late: see _client

    SqlAlchemyStore(address, artifacts.as_uri())


@contextmanager
def _translated() -> Iterator[None]:
    """Turn whatever MLflow or its store raises into our own error, in one line."""
    from google.protobuf.json_format import Error as OddMessage  # late: see _client
    from mlflow.exceptions import MlflowException  # late: see _client
    from sqlalchemy.exc import SQLAlchemyError  # late: see _client

    try:
        yield
    except (MlflowException, SQLAlchemyError, OddMessage, BadBundle, OSError, *ODD) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Unreachable(f"MLflow was not told: {said}") from error
