"""One scan: every route looked at once at the same instant, by the same ``decide`` and ``commit`` as the stream's.

Where partitions share the pairs a scan is of one of them, and so many may run side by side.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from domain.detection import Stage
from domain.market import Clock
from domain.money import ZERO
from domain.partition import Share
from domain.scope import Scope
from domain.terms import Rejected
from domain.timestamps import NS_PER_MS, from_ns, to_ns
from risk.services import Refusal
from trading.dispatch import Dispatch
from trading.models import OpenEpisode
from trading.services import episodes, pipeline
from trading.services.counts import EvaluationCounter, record_looks
from trading.services.decision import Decision
from trading.services.partitions import deal_now, only_read
from trading.services.scan.connections import Connections
from trading.services.scan.markets import read_markets
from trading.services.scan.models import process_models
from trading.services.scan.routes import config_now, decide_each_once, gap_bps, route_of, view_of
from trading.services.scan.shares import known_of, turn, watched_parts
from trading.services.stream.watch_lock import watched_otherwise

log = structlog.get_logger(__name__)

NO_STREAM = "no_stream"
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
    is_streamed: bool = False  # whether streams watch all of it: without one nothing is traded
    partition: int | None = None  # which one was scanned, where several share the pairs
    routes: tuple[RouteFound, ...] = ()

    @property
    def opportunities(self) -> tuple[RouteFound, ...]:
        """Return the routes that paid."""
        return tuple(one for one in self.routes if one.size is not None)


def scan(
    scope: Scope, *, clock: Clock, dispatch: Dispatch, connections: Connections, share: Share | None = None
) -> Scan:
    """Look at every route of a ``share`` once, by default all, decide and commit.

    Nothing is done where another scan of those routes is under way, or streams share the pairs otherwise.
    """
    ours = Share(deal_now()) if share is None else share
    with turn(scope, ours) as is_ours:
        if not is_ours:
            return Scan(from_ns(clock.now_ns()), skipped="another scan is under way", partition=ours.index)
        if others := watched_otherwise(scope, ours.deal):
            skipped = f"the pairs are shared otherwise by who watches {', '.join(others)}"
            return Scan(from_ns(clock.now_ns()), skipped=skipped, partition=ours.index)
        return _Look(scope, ours, clock, dispatch, connections).run()


def scan_and_log(
    scope: Scope, *, clock: Clock, dispatch: Dispatch, connections: Connections, share: Share | None = None
) -> Scan:
    """Scan and log what a person may want to know of it."""
    found = scan(scope, clock=clock, dispatch=dispatch, connections=connections, share=share)
    process_models(connections, scope, clock=clock).tell()
    if found.skipped:
        log.warning("scan_skipped", reason=found.skipped, **_of(found))
        return found
    new = {one.route_key: one.outcome for one in found.opportunities if one.outcome != pipeline.EPISODE_OPEN.reason}
    if new or found.missing:
        log.info(
            "scanned",
            opportunities=new,
            missing=dict(found.missing),
            by_rest=found.by_rest,
            took_ms=found.took_ms,
            **_of(found),
        )
    return found


def _of(found: Scan) -> dict[str, int]:
    return {} if found.partition is None else {"partition": found.partition}


class _Look:
    """One scan's work."""

    def __init__(self, scope: Scope, share: Share, clock: Clock, dispatch: Dispatch, connections: Connections) -> None:
        self._scope = scope
        self._share = share
        self._clock = clock
        self._dispatch = dispatch
        self._connections = connections
        self._at_ns = clock.now_ns()
        self._streamed = watched_parts(scope, share)

    def run(self) -> Scan:
        score = process_models(self._connections, self._scope, clock=self._clock).scorer()
        known = known_of(self._share, self._scope)
        if not known.lots:
            skipped = "no venue has stated its pairs yet"
            return Scan(from_ns(self._at_ns), skipped=skipped, partition=self._share.index)
        is_part = not self._share.is_whole
        seen = read_markets(known.lots, self._scope, clock=self._clock, connections=self._connections, is_part=is_part)
        config = config_now(known, self._scope, now=from_ns(self._at_ns))
        decided_ns = self._clock.now_ns()
        view = view_of(known.lots, seen, config, only_read=only_read(self._share, known.lots))
        decided = decide_each_once(view, config, score, now_ns=decided_ns)
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
            is_streamed=len(self._streamed) == len(self._share.parts),
            partition=self._share.index,
            routes=routes,
        )

    def _judged(self, found: Decision | Rejected) -> Decision | Rejected:
        """A paper order meets the book that a stream observes later: without one it would only ever be refused."""
        if isinstance(found, Rejected) or found.reason or self._is_watched(found):
            return found
        return replace(found, reason=NO_STREAM, explored=False)

    def _is_watched(self, found: Decision) -> bool:
        return self._share.deal.index_of(found.candidate.route.buy.pair) in self._streamed

    def _take(self, found: Decision | Rejected, gap: Decimal | None) -> RouteFound:
        if isinstance(found, Rejected):
            return RouteFound(found.route.key, found.reason, gap, found.gross_bps, found.net_bps)
        answer = pipeline.commit(found, scope=self._scope, dispatch=self._dispatch)
        outcome, execution_id = (answer.reason, None) if isinstance(answer, Refusal) else (pipeline.ADMITTED, answer)
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
