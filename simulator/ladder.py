"""One market's resting orders: price levels on a fixed grid that a moving mid uncovers and consumes."""

import math
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from domain.market import Level
from simulator.instruments import ALPACA, KRAKEN, Instrument

RUNG_BPS = 1.0  # distance between neighbouring price levels, as far as the tick allows
REFRESH_PROBABILITY = 0.6  # how often, per step, one resting level changes its quantity


@dataclass(frozen=True, slots=True)
class VenueProfile:
    """What tells one venue's books from another's."""

    half_spread_bps: float
    size_factor: float


PROFILES = {KRAKEN: VenueProfile(half_spread_bps=0.6, size_factor=1.0), ALPACA: VenueProfile(1.6, 0.7)}


class Ladder:
    """The resting levels of one market, both sides, never crossed."""

    def __init__(self, instrument: Instrument, profile: VenueProfile, *, depth: int, rng: Random) -> None:
        tick = float(instrument.tick)
        self._instrument = instrument
        self._profile = profile
        self._depth = depth
        self._rng = rng
        self._rung_ticks = max(1, round(instrument.price_usd * RUNG_BPS / 10_000 / tick))
        self._rung_price = self._rung_ticks * tick
        self._lot = float(instrument.lot)
        self._price_exponent, self._lot_exponent = -instrument.price_decimals, -instrument.lot_decimals
        self._bids: dict[int, Level] = {}
        self._asks: dict[int, Level] = {}
        self._best_bid = 0
        self._best_ask = 0

    def move(self, mid: float) -> bool:
        """Settle the levels around ``mid`` and return whether anything changed."""
        half = self._profile.half_spread_bps / 10_000
        best_bid = math.floor(mid * (1 - half) / self._rung_price)
        best_ask = max(math.ceil(mid * (1 + half) / self._rung_price), best_bid + 1)
        slid = (best_bid, best_ask) != (self._best_bid, self._best_ask)
        if slid:
            self._best_bid, self._best_ask = best_bid, best_ask
            self._slide(self._bids, self._bid_rungs())
            self._slide(self._asks, self._ask_rungs())
        return self._refresh() or slid

    def bids(self) -> tuple[Level, ...]:
        """Return the bids, best first."""
        return tuple(self._bids[rung] for rung in self._bid_rungs())

    def asks(self) -> tuple[Level, ...]:
        """Return the asks, best first."""
        return tuple(self._asks[rung] for rung in self._ask_rungs())

    def best(self) -> tuple[Level, Level]:
        """Return the best bid and the best ask."""
        return self._bids[self._best_bid], self._asks[self._best_ask]

    def _bid_rungs(self) -> range:
        return range(self._best_bid, self._best_bid - self._depth, -1)

    def _ask_rungs(self) -> range:
        return range(self._best_ask, self._best_ask + self._depth)

    def _slide(self, levels: dict[int, Level], rungs: range) -> None:
        for rung in [known for known in levels if known not in rungs]:
            del levels[rung]
        for distance, rung in enumerate(rungs):
            if rung not in levels:
                levels[rung] = self._draw(rung, distance)

    def _refresh(self) -> bool:
        if self._rng.random() >= REFRESH_PROBABILITY:
            return False
        levels, rungs = (self._bids, self._bid_rungs()) if self._rng.random() < 0.5 else (self._asks, self._ask_rungs())
        distance = min(int(self._rng.expovariate(0.3)), self._depth - 1)
        levels[rungs[distance]] = self._draw(rungs[distance], distance)
        return True

    def _draw(self, rung: int, distance: int) -> Level:
        """Return a level whose worth is log-normal and grows with its distance from the top."""
        instrument = self._instrument
        worth_usd = instrument.level_usd * self._profile.size_factor * (1 + 0.08 * distance)
        worth_usd *= self._rng.lognormvariate(0.0, 0.5)
        lots = int(worth_usd / (rung * self._rung_price) / self._lot)
        price = Decimal(rung * self._rung_ticks).scaleb(self._price_exponent)
        return Level(price, Decimal(max(lots, 1)).scaleb(self._lot_exponent))
