"""Samples: stored once at decision time, labelled as the truth comes in."""

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from domain.errors import BadInput
from domain.features import FEATURE_HASH, FEATURE_SET, FeatureVector
from domain.scope import Scope
from mlops.models import Sample


@dataclass(frozen=True, slots=True)
class SampleReport:
    """One opportunity as it stood at decision time; ``resolution_s`` is 0 for live books, 60 for one-minute candles."""

    opportunity_id: int
    timestamp: datetime
    features: FeatureVector
    resolution_s: float = 0.0
    executed: bool = False
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class LabelReport:
    """What became of an opportunity; None leaves a label as it is."""

    executed: bool | None = None
    edge_at_latency_bps: float | None = None
    fillable_at_latency: bool | None = None
    settled_net_usd: Decimal | None = None


def record_sample(report: SampleReport, *, scope: Scope) -> None:
    """Store one sample; a second report of the same opportunity changes nothing."""
    sample = Sample(
        **scope.columns,
        opportunity_id=report.opportunity_id,
        timestamp=report.timestamp,
        feature_set=FEATURE_SET,
        feature_hash=FEATURE_HASH,
        features=report.features.as_dict(),
        resolution_s=report.resolution_s,
        executed=report.executed,
        shadow=report.shadow,
    )
    Sample.objects.bulk_create([sample], ignore_conflicts=True)


def label_sample(opportunity_id: int, labels: LabelReport, *, scope: Scope) -> bool:
    """Set the labels that are known now; return False where the opportunity was never sampled.

    Raises: BadInput if a label would contradict the one that is stored.
    """
    known = {field.name: value for field in fields(labels) if (value := getattr(labels, field.name)) is not None}
    with transaction.atomic():
        sample = Sample.objects.in_scope(scope).select_for_update().filter(opportunity_id=opportunity_id).first()
        if sample is None:
            return False
        for name, value in known.items():
            _set(sample, name, value)
        sample.save(update_fields=[*known])
    return True


def _set(sample: Sample, name: str, value: object) -> None:
    stored = getattr(sample, name)
    if name != "executed" and stored is not None and stored != value:
        raise BadInput(f"{name} of {sample} is {stored}; it cannot become {value}")
    setattr(sample, name, value)
