"""A watch of books, pools and rows, without sockets: what happens at which instant, and an engine that it happens to."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

from domain.costs import FeeSchedule
from domain.errors import BadMarketData
from domain.features import Contexts, FeatureContext
from domain.market import Book, Level, Market, MarketKey, Pair
from domain.scores import Scorer
from tests.fakes import ETH_USDC, MS, NOW_NS, POOL_VENUE, SIM, FixedClock, no_model, pool, pool_config
from trading.dispatch import InlineDispatch
from trading.marketdata.view import BookView
from trading.services.recording.recorder import Recorder
from trading.services.recording.terms import Terms
from trading.services.stream.engine import Engine, Parts

ETH_USD = Pair.parse("ETH/USD")


@dataclass(frozen=True)
class Event:
    """A book or a pool that comes, rows that are read, or nothing but a tick."""

    at_ns: int
    came: Market | Contexts | None


def watch_terms(*, near_miss_bps: str = "8") -> Terms:
    """Return terms of two books of ETH in dollars, one in USDC and a pool: routes of every kind, and a peg to be seen."""
    config = pool_config(fee_bps="2")
    lot, fee = config.lots[MarketKey("a", ETH_USDC)], FeeSchedule(Decimal(2), Decimal(2))
    in_dollars = {MarketKey("a", ETH_USD): lot, MarketKey("b", ETH_USD): lot}
    config = replace(
        config,
        lots={**config.lots, **in_dollars},
        fees={**config.fees, "b": fee},
        near_miss_bps=Decimal(near_miss_bps),
    )
    return Terms(config, 700, 250, {"a": "kraken", "b": "alpaca", POOL_VENUE: POOL_VENUE})


def events(count: int, *, seed: int, after: Sequence[Event] = ()) -> list[Event]:
    """Return what happens, each price on its own walk: edges come and go, gas moves, rows change, a clock is set back.

    With ``after`` these events come first, and others follow them.
    """
    rng, walk = Random(seed), _Walk(10_000 * len(after))
    at_ns, found = after[-1].at_ns if after else NOW_NS, list(after)
    for _ in range(count):
        at_ns += rng.randint(-100, 60) * MS if rng.random() < 0.02 else rng.randint(0, 60) * MS
        draw = rng.random()
        if draw < 0.05:
            found.append(Event(at_ns, None))
        elif draw < 0.1:
            found.append(Event(at_ns, _rows(rng)))
        else:
            found.append(Event(at_ns, walk.next(rng, at_ns - rng.randint(0, 5) * MS)))
    return found


class _Walk:
    """Four markets, each a while ahead of or behind the others."""

    def __init__(self, seq: int) -> None:
        self._price, self._ahead, self._seq, self._block = 2_000.0, [0.0] * 4, seq, 100 + seq
        self._pool = pool(price="2000", block=self._block)

    def next(self, rng: Random, at_ns: int) -> Market:
        number = rng.randrange(4)
        self._price += rng.gauss(0, 0.2)
        self._seq += 1
        if rng.random() < 0.15:
            self._ahead[number] = rng.choice((-6.0, 0.0, 0.0, 6.0)) * (8 if number == 3 else 1)
        middle = self._price + self._ahead[number]
        if number < 3:
            venue, pair = (("a", ETH_USD), ("b", ETH_USD), ("a", ETH_USDC))[number]
            return _book(venue, pair, middle, rng, at_ns=at_ns, seq=self._seq)
        if rng.random() < 0.5:
            self._block += 1
            gas_price_wei = rng.randint(1, 40) * 10**8
            self._pool = pool(price=f"{middle:.2f}", block=self._block, gas_price_wei=gas_price_wei)
        return replace(self._pool, venue_at_ns=at_ns, seen_at_ns=at_ns, seq=self._seq)


def _book(venue: str, pair: Pair, middle: float, rng: Random, *, at_ns: int, seq: int) -> Book:
    bid = Decimal(f"{middle - 0.2:.2f}")
    bids, asks = (
        tuple(Level(start + step * away * Decimal("0.3"), Decimal(f"{rng.uniform(0.1, 3):.3f}")) for step in range(4))
        for start, away in ((bid, -1), (bid + Decimal("0.4"), 1))
    )
    return Book(venue, pair, bids, asks, at_ns, at_ns, seq)


def _rows(rng: Random) -> Contexts:
    symbols = [symbol for symbol in ("ETH/USD", "ETH/USDC") if rng.random() < 0.8]
    return {symbol: FeatureContext(*(rng.random() for _ in range(rng.choice((0, 3, 5, 5))))) for symbol in symbols}


class KeepingWriter:
    """A writer that keeps the jobs that it is given, and does none of them."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, Any]] = []

    def submit(self, name: str, job: Any) -> bool:
        self.jobs.append((name, job))
        return True


class _NoCache:
    def put(self, book: Market) -> None:
        pass


def engine_of(
    told: Terms, clock: FixedClock, writer: Any, *, recorder: Recorder | None = None, score: Scorer = no_model
) -> Engine:
    """Return the stream's engine for these terms."""
    parts = Parts(
        scope=SIM,
        clock=clock,
        view=BookView(told.markets, origins=told.adapters, pools=told.config.gas),
        cache=_NoCache(),  # type: ignore[arg-type]
        writer=writer,
        dispatch=InlineDispatch(),
        score=score,
        config=told.config,
        linger_ns=told.linger_ms * MS,
        recorder=recorder,
    )
    return Engine(parts)


def live_through(engine: Engine, clock: FixedClock, happening: Iterable[Event]) -> None:
    """Let it all happen to the engine."""
    for event in happening:
        clock.at_ns = event.at_ns
        _take(engine, event.came)


def _take(engine: Engine, came: Market | Contexts | None) -> None:
    if came is None:
        engine.tick()
    elif isinstance(came, Mapping):
        engine.learn(came)
    else:
        with suppress(BadMarketData):  # what comes out of order the view refuses, and a feed goes on
            engine.on_book(came)


def seen_by_models(
    happening: Sequence[Event], *, until: int | None = None, told: Terms | None = None
) -> list[tuple[int, str, tuple[float, ...]]]:
    """Return instant, route and features of each decision and near miss, of the first ``until`` events alone."""
    clock, writer = FixedClock(), KeepingWriter()
    engine = engine_of(told or watch_terms(), clock, writer)
    live_through(engine, clock, happening[:until])
    judged = [job.args[0] for name, job in writer.jobs if name in ("decision", "near_miss")]
    return [(one.decided_at_ns, one.candidate.route.key, one.candidate.features.values) for one in judged]
