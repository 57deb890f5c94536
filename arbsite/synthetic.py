"""Samples out of the simulated market: what models learn from before anything real has happened.

The market process lives through many short sessions, spread over the hours of many days and unlike in calm, depth and
haste, so that what serves later is not out of its depth. Detection, sizing and the later look are those that trade;
every opportunity counts as executed, at what its planned trade nets after the delay. One seed gives one set of samples.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count, islice
from random import Random
from typing import Any

from django.conf import settings

from domain.background import Background
from domain.detection import Candidate, DetectConfig, Stage, detect, near_miss_of
from domain.features import FeatureContext
from domain.market import Asset, Book, MarketKey
from domain.money import to_float
from domain.routes import Route, routes_between
from domain.scores import Abstained
from domain.screen import edges_bps, factor_of
from domain.terms import Lot, Rejected
from domain.timestamps import NS_PER_MS, NS_PER_S, from_ns, to_ns
from mlops.labelled import LabelledSample
from mlops.models import SampleKind
from mlops.services import LabelReport
from simulator.dislocations import Temper
from simulator.instruments import Instrument
from simulator.market import STEP_NS, MarketProcess
from trading.services.decision import Decision, NearMiss
from trading.services.edges import OFFSETS_MS, EdgeLeft, EdgeWatch, Watched, labels_of
from trading.services.reference.terms import detect_config

Told = Callable[[int, int], None]

USUAL_COUNT = 5_000
BEGINS_NS = to_ns(datetime(2026, 1, 1, tzinfo=UTC))
SESSION_NS = 150 * NS_PER_S
SESSION_EVERY_NS = 67 * 60 * NS_PER_S  # no divisor of a day: every hour comes round
DEPTHS = (5, 8, 20)
AMPLITUDES_BPS = (55.0, 190.0)  # from near misses on
FLEETING_SHARES = (0.05, 0.9)  # of what strays, by market: its past tells of its next edge
HALF_LIVES_S = ((0.7, 2.5), (2.0, 6.0))
DAYS_WATCHED = (0.0, 0.5, 1.0, 3.0, 7.0, 30.0)
HOUR_OF_YEAR = 1 / (365 * 24)
NO_SCORE = Abstained("no_model")


def samples(seed: int, wanted: int, *, told: Told = lambda done, total: None) -> list[LabelledSample]:
    """Return ``wanted`` labelled samples in order of time, telling now and then how many there are."""
    return list(islice(_told(seed, wanted, told), wanted))


def session_samples(seed: int, number: int) -> list[LabelledSample]:
    """Return the samples of one session, in order of time."""
    return Session(seed, number).run()


def _told(seed: int, wanted: int, told: Told) -> Iterator[LabelledSample]:
    done = 0
    for number in count():
        found = session_samples(seed, number)
        done += len(found)
        told(min(done, wanted), wanted)
        yield from found


@dataclass(frozen=True, slots=True)
class SimulatedView:
    """The process's markets as detection and the later look see them."""

    process: MarketProcess
    by_market: Mapping[MarketKey, Sequence[Route]]

    def book(self, key: MarketKey) -> Book | None:
        """Return the present book of a market."""
        return self.process.books.get(key)

    def book_at(self, key: MarketKey, at_ns: int) -> Book | None:
        """Return the present book: the process is never beyond the instant that is asked for."""
        return self.process.books.get(key)

    def next_block(self, known: object, after_ns: int) -> None:
        """Return None: there are no pools here."""

    def routes(self, key: MarketKey) -> Sequence[Route]:
        """Return the routes with a leg on a market."""
        return self.by_market.get(key, ())

    def priced(self, asset: Asset) -> Sequence[MarketKey]:
        """Return every market whose base is ``asset``."""
        return [key for key in self.process.markets if key.pair.base == asset]


class Session:
    """One stretch of the simulated market, watched as the stream watches a real one."""

    def __init__(self, seed: int, number: int) -> None:
        rng = Random(f"{seed}:{number}:session")
        start_ns = BEGINS_NS + number * SESSION_EVERY_NS
        self._process = MarketProcess(
            rng.getrandbits(48), start_ns=start_ns, temper=_temper(rng), depth=rng.choice(DEPTHS)
        )
        self._config = config = detect_config(_lots(self._process), context=_context(self._process, rng))
        routes = [route for route in routes_between(self._process.markets) if route.is_of_one_quote]
        self._factors = {route: factor_of(*(config.fees[leg.venue] for leg in route.legs)) for route in routes}
        self._view = SimulatedView(self._process, _by_market(routes))
        self._watch = EdgeWatch(self._view, offsets_ms=(settings.ARB.trading.paper_delay_ms,))
        self._background = Background()
        self._to_remember: deque[tuple[int, str, float]] = deque()
        self._spells = _Spells(config, linger_ns=settings.ARB.trading.episode_linger_ms * NS_PER_MS)
        self._waiting: dict[tuple[str, int], Candidate] = {}
        self._found: list[LabelledSample] = []

    def run(self) -> list[LabelledSample]:
        """Live through the session and return what was sampled."""
        process = self._process
        while process.now_ns < process.start_ns + SESSION_NS:
            self._look_again(process.now_ns + STEP_NS)
            process.advance(process.now_ns + STEP_NS)
            for route in self._factors:
                self._look(route)
        return sorted(self._found, key=lambda sample: (sample.timestamp, sample.route_key))

    def _look(self, route: Route) -> None:
        now_ns = self._process.now_ns
        kind = self._spells.begun(route, self._net_bps(route), now_ns)
        candidate = self._candidate(route, kind, now_ns) if kind else None
        if candidate is not None:
            self._waiting[route.key, now_ns] = candidate
            is_near = kind is SampleKind.NEAR_MISS
            near_miss = NearMiss(candidate, NO_SCORE, now_ns, self._config)
            self._watch.watch(near_miss if is_near else Decision(candidate, NO_SCORE, "", now_ns, self._config))

    def _net_bps(self, route: Route) -> float:
        """Return the edge of the first unit: it tells which route is worth reckoning exactly."""
        books = self._process.books
        buy, sell = books[route.buy.market], books[route.sell.market]
        return edges_bps(buy.best_ask, sell.best_bid, self._factors[route])[1]

    def _candidate(self, route: Route, kind: SampleKind, now_ns: int) -> Candidate | None:
        known: Any = {"now_ns": now_ns, "config": self._config, "background": self._background}
        if kind is SampleKind.NEAR_MISS:
            return near_miss_of(Rejected(route, "below_threshold", Stage.COST), self._view, **known)
        found = detect(route.buy.market, self._view, **known)
        return next((one for one in found if isinstance(one, Candidate) and one.route == route), None)

    def _look_again(self, before_ns: int) -> None:
        """Label what comes due while the present books stand, and remember what is known by now."""
        for watched, left in self._watch.complete(before_ns - 1):
            self._label(watched, left)
        while self._to_remember and self._to_remember[0][0] < before_ns:
            known_at_ns, route_key, left_bps = self._to_remember.popleft()
            self._background.note_edge(route_key, left_bps, at_ns=known_at_ns)

    def _label(self, watched: Watched, left: list[EdgeLeft]) -> None:
        candidate = self._waiting.pop((watched.route.key, watched.decided_at_ns))
        left_bps = left[-1].net_bps
        if left_bps is not None and not watched.is_near_miss:
            known_at_ns = watched.decided_at_ns + OFFSETS_MS[-1] * NS_PER_MS  # when the stream's watch comes to know it
            self._to_remember.append((known_at_ns, watched.route.key, to_float(left_bps)))
        labels = labels_of(watched, left)
        if labels.edge_at_latency_bps is not None:
            self._found.append(_sample(candidate, labels, self._config, is_near_miss=watched.is_near_miss))


class _Spells:
    """Which routes pay or nearly do: one sample each time that either begins."""

    def __init__(self, config: DetectConfig, *, linger_ns: int) -> None:
        self._most_bps = max(to_float(config.min_net_bps), 0.0)
        self._least_bps = self._most_bps - to_float(config.near_miss_bps)
        self._linger_ns = linger_ns
        self._paid_ns: dict[Route, int] = {}
        self._near_ns: dict[Route, int] = {}

    def begun(self, route: Route, net_bps: float, now_ns: int) -> SampleKind | None:
        """Return what this look begins; None where nothing begins, or where what was begun goes on."""
        if net_bps <= self._least_bps:
            return None
        is_paid, is_near = (now_ns - at.get(route, 0) <= self._linger_ns for at in (self._paid_ns, self._near_ns))
        if net_bps > self._most_bps:
            self._paid_ns[route] = now_ns
            return None if is_paid else SampleKind.OPPORTUNITY
        self._near_ns[route] = now_ns
        return None if is_paid or is_near else SampleKind.NEAR_MISS


def _sample(candidate: Candidate, labels: LabelReport, config: DetectConfig, *, is_near_miss: bool) -> LabelledSample:
    """Return the sample of a candidate; an opportunity counts as executed at what its plan nets after the delay."""
    left_bps = labels.edge_at_latency_bps
    assert left_bps is not None
    net_bps, route = to_float(candidate.net_bps), candidate.route
    notional_usd = to_float(config.in_usd(candidate.sized.buy_quote, route.buy.pair.quote))
    return LabelledSample(
        route_key=route.key,
        symbol=route.buy.pair.symbol,
        timestamp=from_ns(candidate.judged_at_ns),
        kind=(SampleKind.NEAR_MISS if is_near_miss else SampleKind.OPPORTUNITY).value,
        features=candidate.features,
        net_bps=net_bps,
        notional_usd=notional_usd,
        executed=not is_near_miss,
        edge_at_latency_bps=left_bps,
        fillable_share_at_latency=labels.fillable_share_at_latency,
        settled_net_usd=None if is_near_miss else left_bps * notional_usd / 1e4,
        slippage_bps=None if is_near_miss else net_bps - left_bps,
        known_at=labels.known_at,
    )


def _temper(rng: Random) -> Temper:
    return Temper(
        small_every_s=0.4,
        tradable_every_s=0.12,
        tradable_bps=AMPLITUDES_BPS,
        half_life_s=rng.choice(HALF_LIVES_S),
        fleeting_shares=FLEETING_SHARES,
        incident_at_s=None,
    )


def _lots(process: MarketProcess) -> dict[MarketKey, Lot]:
    grids = {key: process.instrument(key.pair) for key in process.markets}
    return {key: Lot(grid.lot, grid.min_quantity, Decimal(0), grid.tick) for key, grid in grids.items()}


def _context(process: MarketProcess, rng: Random) -> dict[str, FeatureContext]:
    """Return what would be known of each pair beside its books: the longer windows only after some days."""
    days, haste = rng.choice(DAYS_WATCHED), rng.lognormvariate(0.0, 0.4)
    pairs = dict.fromkeys(key.pair for key in process.markets)
    return {pair.symbol: _known(process.instrument(pair), days, haste, rng) for pair in pairs}


def _known(grid: Instrument, days: float, haste: float, rng: Random) -> FeatureContext:
    hour, day, week = (grid.yearly_volatility * haste * rng.lognormvariate(0.0, spread) for spread in (0.4, 0.2, 0.1))
    volume_usd = grid.level_usd * rng.lognormvariate(7.0, 0.8)
    return FeatureContext(
        volatility_1h=hour if days else math.nan,
        volatility_24h=day if days >= 1 else math.nan,
        returns_1h=rng.gauss(0.0, hour * math.sqrt(HOUR_OF_YEAR)) if days else math.nan,
        volatility_7d=week if days >= 7 else math.nan,
        volume_24h=volume_usd / grid.price_usd if days >= 1 else math.nan,
    )


def _by_market(routes: Sequence[Route]) -> dict[MarketKey, list[Route]]:
    found: dict[MarketKey, list[Route]] = {}
    for route in routes:
        for leg in route.legs:
            found.setdefault(leg.market, []).append(route)
    return found
