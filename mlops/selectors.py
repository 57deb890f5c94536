"""What the models app reads: labelled samples, counts of outcomes, versions, aliases, what each process serves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from domain.errors import BadInput
from domain.features import FEATURE_HASH, FeatureVector
from domain.money import to_float
from domain.scope import Scope
from domain.scores import ModelName
from mlops.labelled import LabelledSample
from mlops.models import Alias, ModelAlias, ModelVersion, Sample, SampleKind, ServedModel
from ops.scoped import ScopedQuerySet

CHUNK = 2_000  # rows in memory at once
SILENT_AFTER = timedelta(minutes=2)  # a process that serves models says so every 30 s

_IS_LABELLED = Q(edge_at_latency_bps__isnull=False) | Q(settled_net_usd__isnull=False)
_IS_OUTCOME = Q(settled_net_usd__isnull=False)
_COPIED = (
    "route_key",
    "symbol",
    "timestamp",
    "kind",
    "net_bps",
    "executed",
    "explored",
    "edge_at_latency_bps",
    "fillable_share_at_latency",
    "slippage_bps",
    "known_at",
    "resolution_s",
    "scores",
)


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """How much there is to learn from in a scope and span; all but the last two of the present feature set."""

    samples: int
    labelled: int
    executed: int  # with a settled result
    explored: int  # of the executed
    near_misses: int  # of the labelled
    of_other_features: int
    known_to: datetime | None  # when the last label of any came


def labelled_samples(
    scope: Scope, first: datetime | None = None, last: datetime | None = None
) -> Iterator[LabelledSample]:
    """Return the samples of ``scope`` decided from ``first`` on and before ``last`` that have a label, oldest first.

    Those of another feature set are left out: their features mean something else (``outcome_counts`` tells how many).
    """
    rows = _samples(scope, first, last).filter(_IS_LABELLED, feature_hash=FEATURE_HASH)
    for row in rows.order_by("timestamp", "id").iterator(chunk_size=CHUNK):
        yield _labelled_of(row)


def outcome_counts(scope: Scope, first: datetime | None = None, last: datetime | None = None) -> OutcomeCounts:
    """Return how many samples and outcomes ``scope`` has in the span; an outcome is an executed, settled sample."""
    ours = Q(feature_hash=FEATURE_HASH)
    counts = _samples(scope, first, last).aggregate(
        samples=Count("id", filter=ours),
        labelled=Count("id", filter=ours & _IS_LABELLED),
        executed=Count("id", filter=ours & _IS_OUTCOME),
        explored=Count("id", filter=ours & _IS_OUTCOME & Q(explored=True)),
        near_misses=Count("id", filter=ours & _IS_LABELLED & Q(kind=SampleKind.NEAR_MISS.value)),
        of_other_features=Count("id", filter=~ours),
    )
    newest = _samples(scope, first, last).filter(known_at__isnull=False).order_by("-known_at").only("known_at").first()
    return OutcomeCounts(**counts, known_to=newest.known_at if newest else None)


def outcomes_since(scope: Scope, since: datetime | None) -> int:
    """Return how many outcomes ``scope`` has of decisions after ``since``, such as a version's ``data_to``."""
    outcomes = _samples(scope, None, None).filter(_IS_OUTCOME, feature_hash=FEATURE_HASH)
    return outcomes.filter(timestamp__gt=since).count() if since else outcomes.count()


def versions_of(scope: Scope, model: ModelName | None = None) -> list[ModelVersion]:
    """Return the versions trained in ``scope``, the newest first."""
    rows = ModelVersion.objects.in_scope(scope).select_related("parent")
    return list(rows.filter(model_name=model.value) if model else rows)


def version_tagged(model: ModelName, tag: str) -> ModelVersion:
    """Return the version of ``model`` with that tag, whatever its scope. Raises: BadInput, naming the newest."""
    rows = ModelVersion.objects.filter(model_name=model.value).select_related("parent")
    found = rows.filter(tag=tag).first()
    if found is None:
        newest = ", ".join(rows.order_by("-tag").values_list("tag", flat=True)[:3])
        raise BadInput(f"{model} has no version {tag!r}: " + (f"the newest are {newest}" if newest else "it has none"))
    return found


def aliases_of(scope: Scope, model: ModelName | None = None) -> list[ModelAlias]:
    """Return the aliases of ``scope`` with their versions, by model."""
    rows = ModelAlias.objects.in_scope(scope).select_related("version").order_by("model_name", "alias")
    return list(rows.filter(model_name=model.value) if model else rows)


def alias_of(scope: Scope, model: ModelName, alias: Alias) -> ModelAlias | None:
    """Return one alias with its version; None where nothing bears it."""
    return next((row for row in aliases_of(scope, model) if row.alias == alias.value), None)


def served_models(scope: Scope) -> list[ServedModel]:
    """Return what each process of ``scope`` says it serves, by process and model."""
    return list(ServedModel.objects.in_scope(scope).order_by("process", "model_name", "alias"))


def _labelled_of(row: Sample) -> LabelledSample:
    """Return a row as a value."""
    return LabelledSample(
        features=FeatureVector.from_dict(row.features),
        notional_usd=to_float(row.notional_usd),
        settled_net_usd=None if row.settled_net_usd is None else to_float(row.settled_net_usd),
        **{name: getattr(row, name) for name in _COPIED},
    )


def _samples(scope: Scope, first: datetime | None, last: datetime | None) -> ScopedQuerySet:
    span: dict[str, Any] = {"timestamp__gte": first, "timestamp__lt": last}
    rows: ScopedQuerySet = Sample.objects.in_scope(scope)
    return rows.filter(**{name: at for name, at in span.items() if at is not None})
