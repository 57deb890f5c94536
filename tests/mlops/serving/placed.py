"""Versions with real files, and the rows that make them champion or challenger."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from domain.scope import Scope
from domain.scores import ModelName
from domain.timestamps import from_ns
from mlops.models import Alias, ModelAlias, ModelVersion
from tests.fakes import NOW_NS
from tests.mlops.serving.bundles import bundle_of

NOW = from_ns(NOW_NS)
TAG = "20260101_000000"


def version_of(name: ModelName, *, scope: Scope, tag: str = TAG, seed: int = 1, **columns: Any) -> ModelVersion:
    """Write a model's files and its row."""
    bundle = bundle_of(name, seed=seed)
    bundle.write(Path(settings.ARB.models.directory))
    told: dict[str, Any] = {
        **scope.columns,
        "model_name": name.value,
        "tag": tag,
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=14),
        "feature_set": bundle.feature_set,
        "feature_hash": bundle.feature_hash,
        "seed": seed,
        "data_from": datetime(2025, 1, 1, tzinfo=UTC),
        "data_to": NOW,
        "n_samples": 400,
        "n_executed": 100,
        "file_hash": bundle.file_hash,
        "has_skill": True,
        "why": "AUC 0.70 (0.60 to 0.80)",
    }
    return ModelVersion.objects.create(**(told | columns))


def place(version: ModelVersion, alias: Alias = Alias.CHAMPION, *, scope: Scope | None = None) -> ModelAlias:
    """Give a version its place."""
    where = {**(scope or version.scope).columns, "model_name": version.model_name, "alias": alias.value}
    row, _ = ModelAlias.objects.update_or_create(
        **where, defaults={"version": version, "moved_at": NOW, "is_synthetic": version.is_synthetic}
    )
    return row
