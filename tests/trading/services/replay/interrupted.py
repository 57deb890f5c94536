"""Replays that are broken off: what a run leaves behind, told so that two runs can be compared."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from domain.routes import MarketView
from domain.scope import Mode, Scope
from mlops.models import Sample
from risk.models import BreakerEvent, Outcome
from trading.models import EdgeObservation, EvaluationCount, FillObservation, OfferedEdge, Opportunity
from trading.services.replay.timeline import Instant, Json, Timeline


class BreakingOff(Exception):
    """The end of a run that was not meant to end yet."""


@dataclass
class Noting:
    """A watcher that remembers how many instants it saw and the last prices."""

    instants: int = 0
    prices: dict[str, str] = field(default_factory=dict)

    def note(self, now_ns: int, view: MarketView) -> None:
        self.instants += 1

    def state(self) -> Json:
        return {"instants": self.instants}

    def restore(self, state: Json) -> None:
        self.instants = state["instants"]


@dataclass
class BrokenTimeline:
    """A timeline that ends in an error after so many instants."""

    inner: Timeline
    whole: int

    def instants(self, after: Json | None = None) -> Iterator[Instant]:
        left = self.whole
        for instant in self.inner.instants(after):
            if not instant.is_past:
                left -= 1
                if left < 0:
                    raise BreakingOff
            yield instant

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def broken_after(instants: int):
    """Return what wraps a timeline so that it breaks off."""
    return lambda timeline: BrokenTimeline(timeline, instants)


def samples_of(scope: Scope) -> list[tuple[Any, ...]]:
    """Return every sample with its labels, without ids."""
    columns = (
        "timestamp",
        "route_key",
        "kind",
        "net_bps",
        "notional_usd",
        "features",
        "executed",
        "edge_at_latency_bps",
        "fillable_share_at_latency",
        "settled_net_usd",
        "known_at",
    )
    return list(Sample.objects.in_scope(scope).order_by("timestamp", "route_key").values_list(*columns))


def left_behind(run_id: str) -> dict[str, Any]:
    """Return what a run wrote that its digest does not hold, without ids."""
    scope = Scope(Mode.REPLAY, run_id)
    at = {row.pk: (row.route_key, row.timestamp) for row in Opportunity.objects.in_scope(scope)}
    edges = EdgeObservation.objects.in_scope(scope)
    return {
        "looks": Counter(
            {
                (row.hour, row.route_key, row.stage, row.reason): row.count
                for row in EvaluationCount.objects.in_scope(scope)
            }
        ),
        "samples": samples_of(scope),
        "offers": {(row.hour, row.route_key, row.tenth_bps): row.count for row in OfferedEdge.objects.in_scope(scope)},
        "edges": sorted((at[row.opportunity_id], row.offset_ms, str(row.net_bps), str(row.size)) for row in edges),
        "books": sorted(
            (row.due_at, row.venue, row.observed_at, str(row.book)) for row in FillObservation.objects.in_scope(scope)
        ),
        "breakers": [
            (row.kind, row.before, row.after, row.happened_at)
            for row in BreakerEvent.objects.in_scope(scope).order_by("id")
        ],
        "outcomes": sorted((row.settled_at, row.net_usd) for row in Outcome.objects.in_scope(scope)),
    }
