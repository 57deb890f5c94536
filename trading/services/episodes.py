"""Episodes: a route that pays is one opportunity from the moment it clears its threshold until it stays below it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from domain.costs import CostLine
from domain.features import FEATURE_HASH, FEATURE_SET
from domain.money import quantize_down, to_float
from domain.partition import WHOLE, Share
from domain.scope import Scope
from domain.timestamps import from_ns, to_ns
from mlops.said import scores_stored
from mlops.services import SampleReport, record_sample
from ops import correlation
from risk.services import GateAnswer, Refusal
from trading.market_json import market_to_json
from trading.models import OpenEpisode, Opportunity
from trading.services.decision import Decision
from trading.services.freshness import answers_at_decision

Json = dict[str, Any]


@dataclass(slots=True)
class _Open:
    last_seen_ns: int
    peak_bps: Decimal


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of an episode: its route did not clear the threshold again within the linger time."""

    route_key: str
    last_seen_ns: int
    peak_bps: Decimal


class Opened(NamedTuple):
    """A new episode; ``ended`` is the route's episode before it, where nobody has closed that yet: close it first."""

    ended: Closed | None


class EpisodeTracker:
    """Knows which routes are in an episode, so that one episode is committed once and not once per tick.

    Instants of decisions alone say where an episode ends: a decision more than the linger time after the last one
    begins a new episode, whether or not anybody asked in between which have ended.
    """

    def __init__(self, *, linger_ns: int) -> None:
        self._linger_ns = linger_ns
        self._open: dict[str, _Open] = {}

    def opens(self, decision: Decision) -> Opened | None:
        """Return the episode that this decision begins; None where it prolongs one that is open."""
        key, bps, at_ns = decision.candidate.route.key, decision.candidate.net_bps, decision.decided_at_ns
        known = self._open.get(key)
        if known is not None and not self._has_ended(known, at_ns):
            known.last_seen_ns = at_ns
            known.peak_bps = max(known.peak_bps, bps)
            return None
        self._open[key] = _Open(at_ns, bps)
        return Opened(None if known is None else Closed(key, known.last_seen_ns, known.peak_bps))

    def is_open(self, route_key: str, at_ns: int) -> bool:
        """Return whether a route is in an episode at an instant."""
        known = self._open.get(route_key)
        return known is not None and not self._has_ended(known, at_ns)

    def closed_by(self, now_ns: int) -> list[Closed]:
        """Return and forget the episodes whose route has not paid for longer than the linger time."""
        ended = [
            Closed(key, known.last_seen_ns, known.peak_bps)
            for key, known in self._open.items()
            if self._has_ended(known, now_ns)
        ]
        for closed in ended:
            del self._open[closed.route_key]
        return ended

    def state(self) -> Json:
        """Return the open episodes ready for JSON."""
        return {key: [known.last_seen_ns, str(known.peak_bps)] for key, known in self._open.items()}

    def restore(self, state: Json) -> None:
        """Take up the open episodes that ``state`` told of, and no others."""
        self._open = {key: _Open(last_seen_ns, Decimal(peak)) for key, (last_seen_ns, peak) in state.items()}

    def _has_ended(self, known: _Open, now_ns: int) -> bool:
        return now_ns - known.last_seen_ns > self._linger_ns


def close_left_open(scope: Scope, share: Share = WHOLE) -> None:
    """Close the episodes that an earlier process left open: a new watch of the markets begins new episodes of them."""
    for row in OpenEpisode.objects.in_scope(scope):
        if share.holds_route(row.route_key):
            close_episode(Closed(row.route_key, to_ns(row.last_seen_at), Decimal(0)), scope=scope)


def open_episode(decision: Decision, *, scope: Scope) -> Opportunity | None:
    """Write the opportunity of a new episode, or return None if the route's episode is open already."""
    at = from_ns(decision.decided_at_ns)
    episode, is_new = OpenEpisode.objects.get_or_create(
        **scope.columns,
        route_key=decision.candidate.route.key,
        defaults={"opportunity_id": 0, "opportunity_at": at, "last_seen_at": at},
    )
    if not is_new:
        return None
    opportunity = Opportunity.objects.create(**_columns(decision), timestamp=at, **scope.columns)
    OpenEpisode.objects.filter(pk=episode.pk).update(opportunity_id=opportunity.pk)
    return opportunity


def tell_models(opportunity: Opportunity, decision: Decision, *, scope: Scope) -> None:
    """Hand the opportunity to the models as a sample, traded or not."""
    record_sample(
        SampleReport(
            route_key=opportunity.route_key,
            symbol=opportunity.symbol,
            timestamp=opportunity.timestamp,
            opportunity_id=opportunity.pk,
            features=decision.candidate.features,
            net_bps=to_float(opportunity.edge_bps),
            notional_usd=opportunity.notional_usd,
            resolution_s=decision.config.resolution_s,
            scores=opportunity.scores,
            explored=decision.explored,
        ),
        scope=scope,
    )


def refuse(opportunity: Opportunity, refusal: Refusal) -> Refusal:
    """Note why the opportunity is not traded and what each gate answered."""
    note_gates(opportunity, refusal.gates, reason=refusal.reason)
    return refusal


def note_gates(opportunity: Opportunity, gates: Iterable[GateAnswer], *, reason: str = "") -> None:
    """Store each gate's answer with the opportunity, and the reason if it was refused."""
    answers = [*opportunity.gates, *map(asdict, gates)]
    Opportunity.objects.filter(pk=opportunity.pk, timestamp=opportunity.timestamp).update(reason=reason, gates=answers)


def close_episode(closed: Closed, *, scope: Scope) -> None:
    """Write the end and the peak of an episode; harmless when it is closed already."""
    with transaction.atomic():
        row = OpenEpisode.objects.select_for_update().in_scope(scope).filter(route_key=closed.route_key).first()
        if row is None:
            return
        Opportunity.objects.filter(pk=row.opportunity_id, timestamp=row.opportunity_at).update(
            closed_at=from_ns(closed.last_seen_ns),
            peak_edge_bps=Greatest(F("peak_edge_bps"), quantize_down(closed.peak_bps)),
        )
        row.delete()


def _columns(decision: Decision) -> dict[str, Any]:
    candidate = decision.candidate
    buy, sell = candidate.route.legs
    net_bps = quantize_down(candidate.net_bps)
    return {
        "correlation_id": correlation.new(),
        "route_key": candidate.route.key,
        "symbol": buy.pair.symbol,
        "buy_venue": buy.venue,
        "sell_venue": sell.venue,
        "size": candidate.size,
        "notional_usd": decision.config.in_usd(candidate.sized.buy_quote, buy.pair.quote),
        "edge_bps": net_bps,
        "gross_edge_bps": quantize_down(candidate.gross_bps),
        "peak_edge_bps": net_bps,
        "costs": [_cost_json(line) for line in candidate.costs],
        "books": [market_to_json(book) for book in candidate.markets],
        "features": candidate.features.as_dict(),
        "feature_set": FEATURE_SET,
        "feature_hash": FEATURE_HASH,
        "scores": scores_stored(decision.scores, explored=decision.explored),
        "gates": [asdict(answer) for answer in answers_at_decision(decision)],
        "reason": "",
        "resolution_s": decision.config.resolution_s,
    }


def _cost_json(line: CostLine) -> dict[str, str]:
    return {
        "kind": line.kind.value,
        "asset": line.asset.symbol,
        "amount": str(line.amount),
        "usd": str(line.usd),
        "source": line.source,
    }
