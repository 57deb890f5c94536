"""Samples: stored once at decision time, labelled as the truth comes in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from domain.errors import BadInput
from domain.features import FEATURE_HASH, FEATURE_SET, FeatureVector
from domain.scope import Scope
from mlops.models import Sample, SampleKind

NEVER_CONTRADICTED = ("edge_at_latency_bps", "fillable_share_at_latency", "settled_net_usd", "slippage_bps")


@dataclass(frozen=True, slots=True)
class SampleReport:
    """One episode as it stood at decision time; ``resolution_s`` is 0 for live books, 60 for one-minute candles.

    ``opportunity_id`` is None for a near miss, which the rules would not have traded.
    """

    route_key: str
    symbol: str
    timestamp: datetime
    opportunity_id: int | None
    features: FeatureVector
    net_bps: float
    notional_usd: Decimal
    resolution_s: float = 0.0
    scores: Mapping[str, Any] = field(default_factory=dict)
    explored: bool = False


@dataclass(frozen=True, slots=True)
class LabelReport:
    """What became of a sample, known at the market's instant ``known_at``; None leaves a label as it is."""

    known_at: datetime
    executed: bool | None = None
    edge_at_latency_bps: float | None = None
    fillable_share_at_latency: float | None = None
    settled_net_usd: Decimal | None = None
    slippage_bps: float | None = None


def record_sample(report: SampleReport, *, scope: Scope) -> None:
    """Store one sample; a second report of the same route and instant changes nothing.

    A route that pays at the very instant at which it was near is no near miss: the opportunity's sample stands.
    """
    kind = SampleKind.NEAR_MISS if report.opportunity_id is None else SampleKind.OPPORTUNITY
    if kind is SampleKind.OPPORTUNITY:
        near_misses = Sample.objects.in_scope(scope).filter(kind=SampleKind.NEAR_MISS.value)
        near_misses.filter(route_key=report.route_key, timestamp=report.timestamp).delete()
    sample = Sample(
        **scope.columns,
        kind=kind.value,
        route_key=report.route_key,
        symbol=report.symbol,
        timestamp=report.timestamp,
        opportunity_id=report.opportunity_id,
        feature_set=FEATURE_SET,
        feature_hash=FEATURE_HASH,
        features=report.features.as_dict(),
        resolution_s=report.resolution_s,
        net_bps=report.net_bps,
        notional_usd=report.notional_usd,
        scores=dict(report.scores),
        explored=report.explored,
    )
    Sample.objects.bulk_create([sample], ignore_conflicts=True)


def label_sample(route_key: str, timestamp: datetime, labels: LabelReport, *, scope: Scope) -> bool:
    """Set the labels that are known now; return False where that route was not sampled at that instant.

    Raises: BadInput if a label would contradict the one that is stored.
    """
    told = {one.name: getattr(labels, one.name) for one in fields(labels) if one.name != "known_at"}
    known = {name: value for name, value in told.items() if value is not None}
    with transaction.atomic():
        rows = Sample.objects.in_scope(scope).select_for_update()
        sample = rows.filter(route_key=route_key, timestamp=timestamp).first()
        if sample is None:
            return False
        for name, value in known.items():
            _set(sample, name, value)
        if known:
            sample.known_at = max(labels.known_at, sample.known_at or labels.known_at)
            sample.save(update_fields=[*known, "known_at"])
    return True


def _set(sample: Sample, name: str, value: object) -> None:
    stored = getattr(sample, name)
    if name in NEVER_CONTRADICTED and stored is not None and stored != value:
        raise BadInput(f"{name} of {sample} is {stored}; it cannot become {value}")
    setattr(sample, name, value)
