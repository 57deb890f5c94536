"""MLflow as a mirror of our rows, for people to look into: told after the commit, caught up later where it was away."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from domain.errors import Unreachable
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.models import ModelAlias, ModelVersion
from mlops.registry import Record, Registry
from mlops.selectors import aliases_of
from ops import locks
from ops.redaction import redact
from ops.services import outbox

log = structlog.get_logger(__name__)

TASK = "mlops.mirror"
_LOCK = "mlops.mirroring"  # two mirrors at once would record a version twice


def ask(version: ModelVersion, *, scope: Scope) -> None:
    """Have the ml worker tell MLflow about a version once the caller's transaction is committed; no replay has one."""
    if scope.mode is not Mode.REPLAY:
        outbox.enqueue(TASK, version.pk, scope=scope)


def mirror(version_id: int) -> bool:
    """Tell MLflow about one version and the aliases of its model; return whether MLflow knows all of it now.

    A second call changes nothing. What keeps MLflow from knowing is kept with the row, and tried again by
    ``mirror_pending``.
    """
    version = ModelVersion.objects.select_related("parent").get(pk=version_id)
    with locks.advisory(_LOCK) as is_ours:
        return is_ours and _mirror(version)


def mirror_pending(mode: Mode) -> int:
    """Tell MLflow what it does not know yet of any run of ``mode``, the oldest first; return how many it was told.

    Ends at the first that fails: the next would most likely wait for the same MLflow.
    """
    count = 0
    with locks.advisory(_LOCK) as is_ours:
        for version in _pending(mode) if is_ours else ():
            if not _mirror(version):
                break
            count += 1
    return count


def registered_name(model: ModelName, scope: Scope) -> str:
    """Return under which name MLflow keeps the versions that serve a scope: each scope has aliases of its own."""
    parts = (str(model), str(scope.mode), *([scope.run_id] if scope.run_id else []))
    return re.sub(r"[^\w.-]", "-", ".".join(parts))


def _record_of(version: ModelVersion, scope: Scope) -> Record:
    """Return what MLflow is told of a version that serves, or might, in ``scope``."""
    model = ModelName(version.model_name)
    return Record(
        experiment=f"arbitrage_{model}",
        registered_name=registered_name(model, scope),
        name=version.tag,
        about=version.why,
        folder=settings.ARB.models.directory / version.file_hash,
        key={"tag": version.tag, "scope": str(version.scope)},
        tags=_tags(version),
        params=_params(version),
        metrics=dict(_numbers(version.metrics)),
        measured_at_ms=int(version.created_at.timestamp() * 1000),
    )


def _tags(version: ModelVersion) -> dict[str, str]:
    return {
        "mode": version.mode,
        "run": version.run_id,
        "git_commit": version.git_commit,
        "mlflow.source.git.commit": version.git_commit,
        "mlflow.source.name": "arbsite",
        "feature_hash": version.feature_hash,
        "file_hash": version.file_hash,
        "parent": version.parent.tag if version.parent else "",
        "synthetic": str(version.is_synthetic),
        "has_skill": str(version.has_skill),
    }


def _params(version: ModelVersion) -> dict[str, str]:
    return {
        "seed": str(version.seed),
        "feature_set": version.feature_set,
        "data_from": version.data_from.isoformat(),
        "data_to": version.data_to.isoformat(),
        "n_samples": str(version.n_samples),
        "n_executed": str(version.n_executed),
    }


def _numbers(told: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Return every number of nested metrics under its path; lists, such as bins, are for pages and not for MLflow."""
    for name, value in told.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{path}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield path, float(value)


def _pending(mode: Mode) -> list[ModelVersion]:
    moved = ModelAlias.objects.filter(version=OuterRef("pk"), is_mirrored=False)
    rows = ModelVersion.objects.in_mode(mode).filter(Q(mlflow_version="") | Exists(moved))
    return list(rows.select_related("parent").order_by("created_at", "id"))


def _mirror(version: ModelVersion) -> bool:
    try:
        _tell(version)
    except Unreachable as error:
        version.mirror_error = redact(str(error))[:200]
        log.warning("model_not_mirrored", model=version.model_name, tag=version.tag, error=version.mirror_error)
    else:
        version.mirror_error = ""
    version.save(update_fields=["mlflow_run_id", "mlflow_version", "mirror_error"])
    return not version.mirror_error


def _tell(version: ModelVersion) -> None:
    uri = settings.ARB.models.mlflow_uri
    registry = Registry.open(uri.reveal() if uri else None, settings.ARB.state_dir / "mlflow")
    known = registry.record(_record_of(version, version.scope))
    version.mlflow_run_id, version.mlflow_version = known.run_id, known.version
    for scope in {version.scope, *(row.scope for row in version.aliases.all())}:
        _tell_aliases(registry, scope, ModelName(version.model_name))


def _tell_aliases(registry: Registry, scope: Scope, model: ModelName) -> None:
    rows = aliases_of(scope, model)
    numbers = {row.alias: registry.record(_record_of(row.version, scope)).version for row in rows}
    registry.name_versions(registered_name(model, scope), numbers)
    for row in rows:  # unless it moved on meanwhile
        ModelAlias.objects.filter(pk=row.pk, version=row.version, moved_at=row.moved_at).update(is_mirrored=True)
