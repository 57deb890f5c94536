"""One scan: every route looked at once at the same instant, by the same ``decide`` and ``commit`` as the stream's."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from django.conf import settings

from domain.detection import DetectConfig, Stage
from domain.errors import BadMarketData
from domain.market import Clock, MarketKey
from domain.money import EXACT, ZERO, bps_of
from domain.routes import Route
from domain.scope import Scope
from domain.terms import Rejected
from domain.timestamps import NS_PER_MS, from_ns, to_ns
from mlops.services import load_scorer
from ops.locks import advisory, is_held
from risk.services import Refusal
from trading.dispatch import Dispatch
from trading.marketdata.clock import VirtualClock
from trading.marketdata.view import BookView
from trading.models import OpenEpisode
from trading.services import episodes, pipeline
from trading.services.counts import EvaluationCounter, record_looks
from trading.services.decision import Decision
from trading.services.reference.known import known_fees, known_reference
from trading.services.reference.terms import Reference, detect_config
from trading.services.scan.kept import Kept
from trading.services.scan.markets import Seen, see
from trading.services.stream.watch_lock import name_of
from trading.services.volatility import feature_contexts
from trading.venues import registry

log = structlog.get_logger(__name__)

NO_STREAM = "no_stream"
ADMITTED = "admitted"
FORGOTTEN_AFTER = timedelta(seconds=15)  # an episode that scans alone follow ends once none saw it pay for so long


@dataclass(frozen=True, slots=True)
class RouteFound:
    """What one route was worth; ``outcome`` is why it was left, or what became of it.

    ``gap_bps`` is from the price asked to the price bid, before any cost; None where a market is missing.
    """

    route_key: str
    outcome: str
    gap_bps: Decimal | None
    gross_bps: Decimal | None = None
    net_bps: Decimal | None = None
    size: Decimal | None = None
    execution_id: int | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan saw and did; ``skipped`` says why it saw nothing."""

    at: datetime
    skipped: str = ""
    took_ms: int = 0
    markets: int = 0
    by_rest: int = 0
    missing: Mapping[str, str] = field(default_factory=dict)  # reason by market
    cache_problem: str = ""
    is_streamed: bool = False  # whether a stream watches this scope: without it nothing is traded
    routes: tuple[RouteFound, ...] = ()

    @property
    def opportunities(self) -> tuple[RouteFound, ...]:
        """Return the routes that paid."""
        return tuple(one for one in self.routes if one.size is not None)


def scan(scope: Scope, *, clock: Clock, dispatch: Dispatch, kept: Kept) -> Scan:
    """Look at every route once, decide and commit; where another scan of ``scope`` is under way, do nothing."""
    with advisory(f"scan:{scope}") as is_ours:
        if not is_ours:
            return Scan(from_ns(clock.now_ns()), skipped="another scan is under way")
        return _Look(scope, clock, dispatch, kept).run()


def scan_at_pace(scope: Scope, *, clock: Clock, dispatch: Dispatch, kept: Kept) -> Scan:
    """Scan and log what a person may want to know of it."""
    found = scan(scope, clock=clock, dispatch=dispatch, kept=kept)
    if found.skipped:
        log.warning("scan_skipped", reason=found.skipped)
        return found
    new = {one.route_key: one.outcome for one in found.opportunities if one.outcome != pipeline.EPISODE_OPEN.reason}
    if new or found.missing:
        log.info(
            "scanned",
            opportunities=new,
            missing=dict(found.missing),
            by_rest=found.by_rest,
            took_ms=found.took_ms,
        )
    return found


class _Look:
    """One scan's work."""

    def __init__(self, scope: Scope, clock: Clock, dispatch: Dispatch, kept: Kept) -> None:
        self._scope = scope
        self._clock = clock
        self._dispatch = dispatch
        self._kept = kept
        self._at_ns = clock.now_ns()
        self._is_streamed = is_held(name_of(scope))

    def run(self) -> Scan:
        known = known_reference(self._scope)
        if not known.lots:
            return Scan(from_ns(self._at_ns), skipped="no venue has stated its pairs yet")
        seen = see(known.lots, self._scope, clock=self._clock, kept=self._kept)
        config = config_now(known, self._scope, now=from_ns(self._at_ns))
        decided_ns = self._clock.now_ns()
        view = view_of(known.lots, seen, config)
        decided = decide_each_once(view, config, self._scope, now_ns=decided_ns)
        found = [self._judged(one) for one in decided]
        self._count(found, decided_ns)
        routes = tuple(self._take(one, gap_bps(route_of(one), view)) for one in found)
        self._follow_episodes(found, from_ns(decided_ns))
        return Scan(
            at=from_ns(decided_ns),
            took_ms=(self._clock.now_ns() - self._at_ns) // NS_PER_MS,
            markets=len(seen.markets),
            by_rest=len(seen.asked),
            missing={f"{key.venue}:{key.pair}": reason for key, reason in seen.missing.items()},
            cache_problem=seen.cache_problem,
            is_streamed=self._is_streamed,
            routes=routes,
        )

    def _judged(self, found: Decision | Rejected) -> Decision | Rejected:
        """A paper order meets the book that a stream observes later: without one it would only ever be refused."""
        if isinstance(found, Rejected) or found.reason or self._is_streamed:
            return found
        return replace(found, reason=NO_STREAM)

    def _take(self, found: Decision | Rejected, gap: Decimal | None) -> RouteFound:
        if isinstance(found, Rejected):
            return RouteFound(found.route.key, found.reason, gap, found.gross_bps, found.net_bps)
        answer = pipeline.commit(found, scope=self._scope, dispatch=self._dispatch)
        outcome, execution_id = (answer.reason, None) if isinstance(answer, Refusal) else (ADMITTED, answer)
        one = found.candidate
        return RouteFound(one.route.key, outcome, gap, one.gross_bps, one.net_bps, one.size, execution_id)

    def _count(self, found: Iterable[Decision | Rejected], now_ns: int) -> None:
        counts = EvaluationCounter()
        for one in found:
            counts.add(one, now_ns=now_ns)
        record_looks(counts.take(), scope=self._scope)

    def _follow_episodes(self, found: Iterable[Decision | Rejected], now: datetime) -> None:
        """Note which open episodes still pay, and close those that no scan has seen pay for a while."""
        open_now = OpenEpisode.objects.in_scope(self._scope)
        paying = [one.candidate.route.key for one in found if isinstance(one, Decision)]
        open_now.filter(route_key__in=paying, last_seen_at__lt=now).update(last_seen_at=now)
        looked_at = [one.route.key for one in found if isinstance(one, Rejected) and one.at_stage != Stage.FRESH]
        for row in open_now.filter(route_key__in=looked_at, last_seen_at__lt=now - FORGOTTEN_AFTER):
            ended = episodes.Closed(row.route_key, to_ns(row.last_seen_at), ZERO)
            episodes.close_episode(ended, scope=self._scope)


def config_now(known: Reference, scope: Scope, *, now: datetime) -> DetectConfig:
    """Return the thresholds, fees, lots and context that decisions of ``scope`` go by now."""
    fees, context = known_fees(scope, now=now), feature_contexts(scope, now=now)
    return detect_config(known.lots, account_fees=fees, context=context)


def view_of(markets: Iterable[MarketKey], seen: Seen, config: DetectConfig) -> BookView:
    """Return what was seen as a view; a market that does not fit in is left out, and that is logged."""
    view = BookView(markets, origins=registry.origins(settings.ARB.venues), pools=config.gas)
    for market in seen.markets.values():
        try:
            view.put(market)
        except BadMarketData as bad:
            log.warning("market_refused", venue=market.venue, symbol=market.pair.symbol, reason=bad.reason)
    return view


def decide_each_once(
    view: BookView, config: DetectConfig, scope: Scope, *, now_ns: int
) -> Iterator[Decision | Rejected]:
    """Yield what each route is worth, once, though both its markets are looked at."""
    instant, score = VirtualClock(), load_scorer(scope)
    instant.set(now_ns)
    looked_at: set[str] = set()
    for market in view.markets:
        for found in pipeline.decide(market, view, config=config, score=score, clock=instant):
            route = route_of(found)
            if route.key not in looked_at:
                looked_at.add(route.key)
                yield found


def route_of(found: Decision | Rejected) -> Route:
    """Return the route that was looked at."""
    return found.route if isinstance(found, Rejected) else found.candidate.route


def gap_bps(route: Route, view: BookView) -> Decimal | None:
    """Return how far the best bid to sell to lies above the best price to buy at; None where a market is missing."""
    buy, sell = view.book(route.buy.market), view.book(route.sell.market)
    if buy is None or sell is None:
        return None
    return bps_of(EXACT.subtract(sell.best_bid, buy.best_ask), buy.best_ask)
