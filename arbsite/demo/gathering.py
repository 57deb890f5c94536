"""Fills the snapshot: from the database, from Redis, from the supervisor and from what the demo saw."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from django.db import DatabaseError, InterfaceError, connection
from redis import Redis

from arbsite import config
from arbsite.demo.journal import Journal
from arbsite.demo.plan import Plan
from arbsite.demo.servers import ServerWatch, ask_database, ask_redis
from arbsite.demo.snapshot import (
    BreakerView,
    FeedLine,
    ProcessView,
    Slippage,
    Snapshot,
    Trading,
    VenueView,
)
from arbsite.redis_client import hasty_client
from domain.breakers import BreakerKind, BreakerState
from domain.errors import Unreachable
from domain.scope import Scope
from domain.timestamps import NS_PER_MS
from ops.models import Alert
from risk.models import Breaker, BreakerEvent, Gate, GateState, Outcome
from risk.selectors import breakers_of
from trading.marketdata.clock import SystemClock
from trading.marketdata.price_cache import CachedBooks
from trading.marketdata.venue_board import VenueBoard
from trading.marketdata.venue_lines import VenueLine
from trading.selectors import results
from trading.selectors.results import NO_RESULTS, Edge, Funnel, LastTrade, Refusals
from trading.venues import roster

NOTHING_YET = Trading(Funnel(), Edge(), NO_RESULTS, None, None, Refusals({}, {}), (), GateState.ACTIVE.value)
_LATEST_ALERTS = 20
_ANY_AGE_MS = 3_600_000
_PATIENCE_S = 1.0  # the screen must go on


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the demo has come."""

    phase: str
    elapsed_s: float
    processes: tuple[ProcessView, ...]


class Gatherer:
    """Looks at everything about once a second; keeps the last sight of what is away."""

    def __init__(self, plan: Plan, journal: Journal, *, redis_url: str, started_at: datetime) -> None:
        self._plan = plan
        self.started_at = started_at
        self._scope: Scope = plan.scope
        self._journal = journal
        client: Redis = hasty_client(redis_url, _PATIENCE_S)
        self._database = ServerWatch("PostgreSQL", ask_database, journal)
        self._redis = ServerWatch("Redis", partial(ask_redis, client), journal)
        self._cache = CachedBooks(client, plan.scope, clock=SystemClock(), max_age_ms=_ANY_AGE_MS)
        self._board = VenueBoard(client, plan.scope)
        self._alerts: tuple[FeedLine, ...] = ()
        self.trading = NOTHING_YET
        self.venues: tuple[VenueView, ...] = ()
        self.first_filled_at: datetime | None = None

    def gather(self, progress: Progress) -> Snapshot:
        """Return what there is to see now."""
        if self._database.look():
            self._read_database()
        if self._redis.look():
            self._read_redis()
        return self._snapshot(progress)

    def _snapshot(self, progress: Progress) -> Snapshot:
        plan = self._plan
        return Snapshot(
            scope=plan.scope,
            at=datetime.now(UTC),
            elapsed_s=progress.elapsed_s,
            length_s=plan.seconds,
            phase=progress.phase,
            servers=(self._database.view(), self._redis.view()),
            processes=progress.processes,
            venues=self.venues,
            trading=self.trading,
            feed=tuple(sorted((*self._alerts, *self._journal.lines()), key=lambda line: line.at)),
            links=plan.links,
            first_execution_s=self.first_execution_s,
            has_chain=bool(plan.variables.get("ARB_ETHEREUM_RPC_URLS")),
            why_no_chain=plan.why_no_chain,
        )

    @property
    def first_execution_s(self) -> float | None:
        """Return the seconds from the start of the processes to the first settled execution with fills."""
        if self.first_filled_at is None:
            return None
        return round((self.first_filled_at - self.started_at).total_seconds(), 1)

    def _read_database(self) -> None:
        try:
            self.trading = trading_of(self._scope)
            self.first_filled_at = self.first_filled_at or results.first_filled_at(self._scope)
            self._alerts = alerts_of(self._scope)
        except (DatabaseError, InterfaceError):
            connection.close()  # it went away between two questions; the next look will say so
            return
        if self.trading.last is not None:
            self._journal.traded(self.trading.last.at)

    def _read_redis(self) -> None:
        try:
            books, _ = self._cache.books()
            lines = self._board.lines()
        except Unreachable:
            return  # as above
        now_ns = SystemClock().now_ns()
        ages: dict[str, list[int]] = {line.venue: [] for line in lines}
        sources = roster.sources(config.current().venues)  # Django's settings are older than the demo's
        for key, book in books.items():
            age_ms = max(0, now_ns - book.seen_at_ns) // NS_PER_MS
            ages.setdefault(sources.get(key.venue, key.venue), []).append(age_ms)
        told = {line.venue: line for line in lines}
        self.venues = tuple(_venue(name, ages[name], told.get(name)) for name in sorted(ages))


def trading_of(scope: Scope) -> Trading:
    """Return what the database knows of ``scope``. Raises: DatabaseError."""
    last = results.last_trade_of(scope)
    gate = Gate.objects.in_scope(scope).first()
    return Trading(
        funnel=results.funnel_of(scope),
        edge=results.edge_of(scope),
        results=results.results_of(scope),
        last=last,
        slippage=_slippage_of(last, scope) if last else None,
        refusals=results.refusals_of(scope),
        breakers=breaker_lights(scope),
        gate=gate.state if gate else GateState.ACTIVE.value,
        swaps=results.swaps_of(scope),
    )


def breaker_lights(scope: Scope) -> tuple[BreakerView, ...]:
    """Return a light for every breaker; one that has no row yet is closed."""
    opened = BreakerEvent.objects.in_scope(scope).filter(after=BreakerState.OPEN.value)
    trips = Counter(opened.exclude(before=BreakerState.OPEN.value).values_list("kind", flat=True))
    rows = {row.kind: row for row in breakers_of(scope)}
    now = datetime.now(UTC)
    return tuple(_light(kind, rows.get(kind.value), trips[kind.value], now) for kind in BreakerKind)


def alerts_of(scope: Scope) -> tuple[FeedLine, ...]:
    """Return the latest alerts, oldest first."""
    rows = list(Alert.objects.in_scope(scope).order_by("-id")[:_LATEST_ALERTS])
    return tuple(FeedLine(row.created_at, row.level, _alert_text(row)) for row in reversed(rows))


def _light(kind: BreakerKind, row: Breaker | None, trips: int, now: datetime) -> BreakerView:
    if row is None:
        return BreakerView(kind.value, BreakerState.CLOSED.value, trips, "", None)
    cools_in_s = None
    if row.state == BreakerState.OPEN.value and row.cool_until is not None:
        cools_in_s = max(0.0, (row.cool_until - now).total_seconds())
    return BreakerView(kind.value, row.state, trips, row.reason, cools_in_s)


def _alert_text(row: Alert) -> str:
    title = row.title.replace(f" of {row.scope}", "")  # the screen shows one run alone
    return f"{title}: {row.body}" if row.body else title


def _slippage_of(last: LastTrade, scope: Scope) -> Slippage | None:
    told = Outcome.objects.in_scope(scope).filter(execution_id=last.execution_id).first()
    return Slippage(told.predicted_slippage_bps, told.realised_slippage_bps) if told else None


def _venue(name: str, ages_ms: Sequence[int], told: VenueLine | None) -> VenueView:
    return VenueView(
        name=name,
        markets=len(ages_ms),
        freshest_ms=min(ages_ms, default=None),
        oldest_ms=max(ages_ms, default=None),
        messages=told.messages if told else 0,
        reconnects=told.reconnects if told else 0,
        refused=told.refused if told else 0,
    )
