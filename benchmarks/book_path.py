"""What one update costs from the bytes of its frame to the decision, in one process without sockets.

    python -m benchmarks.book_path [--venues 20] [--books 100] [--updates 40000] [--profile]

The baseline, in the same run: the same frames decoded by the standard library alone and put into a plain dictionary.
"""

import argparse
import cProfile
import json
import pstats
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import count
from typing import Any

import msgpack  # type: ignore[import-untyped]

from domain.costs import entry_tier
from domain.detection import DetectConfig, detect
from domain.market import Book, MarketKey
from domain.secret import Secret
from domain.terms import Caps, Lot
from simulator.instruments import KRAKEN, VENUES, Instrument
from simulator.load.cycles import cycles_of, load_pairs
from simulator.load.frames import FRAMES, Stamped
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.marketdata.view import BookView
from trading.venues.alpaca.feed import AlpacaConversation, AlpacaFeedSettings
from trading.venues.connection import SocketSettings
from trading.venues.health import FeedHealth
from trading.venues.kraken.feed import KrakenConversation, KrakenFeedSettings

MAX_AGE_MS = 60_000


def main() -> None:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venues", type=int, default=20)
    parser.add_argument("--books", type=int, default=100)
    parser.add_argument("--updates", type=int, default=40_000)
    parser.add_argument("--profile", action="store_true")
    told = parser.parse_args()
    bench = Bench(told.venues, load_pairs(told.books))
    frames = list(bench.frames(told.updates))
    baseline_us = _timed(lambda: bench.decode_plainly(frames), told.updates)
    profiler = cProfile.Profile() if told.profile else None
    read_us, decide_us = bench.run(frames, profiler)
    print(f"{told.updates} updates, {bench.books} books, {bench.looks} looks at routes, refused {bench.refused}")
    print(f"baseline, plain decoding and a dictionary: {baseline_us:6.1f} us an update")
    print(f"frame to sound book in the view:           {read_us:6.1f} us an update")
    print(f"decision over its routes:                  {decide_us:6.1f} us an update")
    print(f"in all {read_us + decide_us:.1f} us: {1e6 / (read_us + decide_us):,.0f} updates a second on one core")
    if profiler is not None:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(32)


class Bench:
    """Conversations of every venue, their view, and the frames that they are fed."""

    def __init__(self, venues: int, instruments: Sequence[Instrument]) -> None:
        self._pairs = [instrument.pair for instrument in instruments]
        self._frames = {
            adapter: {
                one.instrument.pair: FRAMES[adapter].frames(one) for one in cycles_of(adapter, instruments, seed=1)
            }
            for adapter in VENUES
        }
        self._adapters = {f"{VENUES[number % 2]}{number}": VENUES[number % 2] for number in range(venues)}
        markets = [MarketKey(venue, pair) for venue in self._adapters for pair in self._pairs]
        self._view = BookView(markets, origins=self._adapters)
        self._config = _config(markets, self._adapters)
        self._health = {venue: FeedHealth(venue, origin=adapter) for venue, adapter in self._adapters.items()}
        self._seen: list[Book] = []
        self._talks = {venue: self._talk(venue, adapter) for venue, adapter in self._adapters.items()}
        self.books = self.looks = 0

    @property
    def refused(self) -> int:
        """Return how many books a feed refused."""
        return sum(health.refused.total() for health in self._health.values())

    def frames(self, updates: int) -> Iterator[tuple[str, bytes]]:
        """Yield the frames that follow the whole books, which are taken here; every market in turn."""
        for venue, adapter in self._adapters.items():
            for found in self._frames[adapter].values():
                self._talks[venue].answer(_payload(adapter, found.whole))
        self._take()
        names = list(self._adapters)
        for number in range(updates):
            venue, turn = names[number % len(names)], number // len(names)
            pair, lap = self._pairs[turn % len(self._pairs)], turn // len(self._pairs)
            found = self._frames[self._adapters[venue]][pair]
            yield venue, _payload(self._adapters[venue], found.updates[lap % len(found.updates)])

    def decode_plainly(self, frames: Sequence[tuple[str, bytes]]) -> None:
        """Decode every frame by its library and remember each level in a dictionary."""
        levels: dict[tuple[str, str, float], float] = {}
        for venue, frame in frames:
            if self._adapters[venue] == KRAKEN:
                row: Any = json.loads(frame)["data"][0]
                symbol, sides, price, size = row["symbol"], (row["bids"], row["asks"]), "price", "qty"
            else:
                row = msgpack.unpackb(frame, timestamp=0)[0]
                symbol, sides, price, size = row["S"], (row["b"], row["a"]), "p", "s"
            for side in sides:
                for level in side:
                    levels[venue, symbol, level[price]] = level[size]

    def run(self, frames: Sequence[tuple[str, bytes]], profiler: cProfile.Profile | None) -> tuple[float, float]:
        """Take every frame and decide every book; return us an update for either part."""
        read_ns = decide_ns = 0
        if profiler is not None:
            profiler.enable()
        for venue, frame in frames:
            begun_ns = time.thread_time_ns()
            self._talks[venue].answer(frame.decode() if self._adapters[venue] == KRAKEN else frame)
            changed = self._take()
            read_ns += (between_ns := time.thread_time_ns()) - begun_ns
            for key in changed:
                for _ in detect(key, self._view, now_ns=SYSTEM_CLOCK.now_ns(), config=self._config):
                    self.looks += 1
            decide_ns += time.thread_time_ns() - between_ns
        if profiler is not None:
            profiler.disable()
        return read_ns / 1e3 / len(frames), decide_ns / 1e3 / len(frames)

    def _take(self) -> list[MarketKey]:
        changed = [self._view.put(book) for book in self._seen]
        self.books += len(changed)
        self._seen.clear()
        return changed

    def _talk(self, venue: str, adapter: str) -> KrakenConversation | AlpacaConversation:
        parts: dict[str, Any] = {
            "health": self._health[venue],
            "clock": SYSTEM_CLOCK,
            "seq": count(1),
            "on_change": self._seen.append,
        }
        if adapter == KRAKEN:
            kraken = KrakenFeedSettings(SocketSettings("ws://nowhere/v2"), "", MAX_AGE_MS, venue=venue)
            return KrakenConversation(self._pairs, kraken, **parts)
        socket = SocketSettings("ws://nowhere/crypto/us")
        alpaca = AlpacaFeedSettings(socket, "", Secret("k"), Secret("s"), MAX_AGE_MS, venue=venue)
        return AlpacaConversation(self._pairs, alpaca, **parts)


def _payload(adapter: str, frame: Stamped) -> bytes:
    """Return a frame's payload with the present instant."""
    whole = frame.head + FRAMES[adapter].stamp(SYSTEM_CLOCK.now_ns()) + frame.tail
    return whole[{126: 4, 127: 10}.get(whole[1], 2) :]


def _config(markets: Sequence[MarketKey], adapters: dict[str, str]) -> DetectConfig:
    lot = Lot(Decimal("1e-8"), Decimal("0.001"), Decimal(1), Decimal("0.01"))
    return DetectConfig(
        min_net_bps=Decimal(0),
        max_age_ms=MAX_AGE_MS,
        max_skew_ms=MAX_AGE_MS,
        fees={venue: entry_tier(adapter) for venue, adapter in adapters.items()},
        lots=dict.fromkeys(markets, lot),
        caps=Caps(Decimal(1000)),
        quote_usd={"USD": Decimal(1)},
    )


def _timed(run: Callable[[], None], updates: int) -> float:
    begun_ns = time.thread_time_ns()
    run()
    return (time.thread_time_ns() - begun_ns) / 1e3 / updates


if __name__ == "__main__":
    main()
