"""Versions of models: registered when trained, listed, compared."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import transaction

from domain.errors import BadInput, Refused
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.models import Alias, ModelVersion
from mlops.selectors import alias_of, versions_of
from mlops.services import promotion
from mlops.training import Trained
from ops.locks import hold_until_commit

if TYPE_CHECKING:
    from mlops.services.comparison import Comparison

log = structlog.get_logger(__name__)

TAG_FORMAT = "%Y%m%d_%H%M%S"


def register(trained: Trained, *, scope: Scope, seed: int, is_synthetic: bool, now: datetime) -> ModelVersion:
    """Write a model's files, then its row; it becomes the challenger, or the champion where nothing else can serve.

    MLflow is told by the ml worker after the commit; whoever does not want to wait calls ``mirroring.mirror``.
    Raises: Refused for a model of the simulator's market in live.
    """
    if is_synthetic and scope.mode is Mode.LIVE:
        raise Refused("a model trained on the simulator's market is never registered in live")
    trained.bundle.write(settings.ARB.models.directory)
    with transaction.atomic():
        hold_until_commit(f"mlops.tags.{trained.bundle.model_name}")
        version = _row(trained, scope=scope, seed=seed, is_synthetic=is_synthetic, now=now)
        version.save(force_insert=True)
        promotion.introduce(version, now=now)
    log.info("model_registered", model=version.model_name, tag=version.tag, scope=str(scope), skill=version.has_skill)
    return version


@dataclass(frozen=True, slots=True)
class ModelVersionManager:
    """The versions of one scope, listed and compared: what the guide calls from a shell."""

    scope: Scope

    def list_versions(self, model: str) -> list[ModelVersion]:
        """Return the versions of a model, the newest first. Raises: BadInput for an unknown model."""
        return versions_of(self.scope, model_named(model))

    def compare_versions(self, model: str, tag_a: str, tag_b: str) -> "Comparison":
        """Return how two versions of a model do on the same outcomes. Raises: as ``comparison.compare``."""
        from mlops.services.comparison import compare  # late: numpy, which no process that trades needs

        return compare(model_named(model), tag_a, tag_b, scope=self.scope)


def get_model_version_manager(scope: Scope | None = None) -> ModelVersionManager:
    """Return the manager of a scope; by default of the configured one."""
    return ModelVersionManager(scope or settings.ARB.scope)


def model_named(name: str) -> ModelName:
    """Return the model of that name. Raises: BadInput, naming those there are."""
    try:
        return ModelName(name)
    except ValueError:
        raise BadInput(f"{name!r} is no model: name one of {', '.join(ModelName)}") from None


def _row(trained: Trained, *, scope: Scope, seed: int, is_synthetic: bool, now: datetime) -> ModelVersion:
    bundle = trained.bundle
    champion = alias_of(scope, bundle.model_name, Alias.CHAMPION)
    return ModelVersion(
        **scope.columns,
        model_name=bundle.model_name.value,
        tag=_free_tag(bundle.model_name, now),
        created_at=now,
        expires_at=now + timedelta(days=settings.ARB.models.expiry_days),
        feature_set=bundle.feature_set,
        feature_hash=bundle.feature_hash,
        git_commit=settings.ARB.commit,
        seed=seed,
        is_synthetic=is_synthetic,
        data_from=trained.data_from,
        data_to=trained.data_to,
        n_samples=trained.n_samples,
        n_executed=trained.n_executed,
        parent=champion.version if champion else None,
        file_hash=bundle.file_hash,
        metrics=trained.metrics,
        has_skill=trained.has_skill,
        why=trained.why[:200],
    )


def _free_tag(model: ModelName, now: datetime) -> str:
    """Return the first second from ``now`` on that no version of the model is named after."""
    at = now.astimezone(UTC)
    taken = set(
        ModelVersion.objects.filter(model_name=model.value, tag__gte=at.strftime(TAG_FORMAT)).values_list(
            "tag", flat=True
        )
    )
    while at.strftime(TAG_FORMAT) in taken:
        at += timedelta(seconds=1)
    return at.strftime(TAG_FORMAT)
