"""Trades and one-minute candles of the simulated markets, a day of history before the start included."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random

from domain.market import Level, MarketKey, Side
from simulator.instruments import Instrument
from simulator.prices import YEAR_S

MINUTE_NS = 60 * 10**9
HISTORY_MINUTES = 24 * 60
TRADE_PROBABILITY = 0.15  # per market and step


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of the public tape; ``side`` is what the taker did."""

    trade_id: int
    at_ns: int
    side: Side
    price: Decimal
    quantity: Decimal


@dataclass(slots=True)
class Candle:
    """One minute of trading that opened at ``opened_at_ns``."""

    opened_at_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int

    def add(self, trade: Trade) -> None:
        """Take ``trade`` into this minute."""
        self.high = max(self.high, trade.price)
        self.low = min(self.low, trade.price)
        self.close = trade.price
        self.volume += trade.quantity
        self.trades += 1


class Tape:
    """The last trade and the minutes of one market."""

    def __init__(self, instrument: Instrument, *, seed: int, start_ns: int) -> None:
        self._instrument = instrument
        self._seed = f"{seed}:{instrument.pair}:history"  # by pair: venues agree about the past
        self._start_ns = start_ns
        self._history: list[Candle] | None = None
        self._minutes: deque[Candle] = deque(maxlen=HISTORY_MINUTES)
        self._trades: deque[Trade] = deque(maxlen=200)
        self._count = 0

    def trade(self, level: Level, side: Side, *, share: float, at_ns: int) -> None:
        """Record a trade that takes ``share`` of ``level``."""
        lot = self._instrument.lot
        quantity = max(lot, (level.quantity * Decimal(repr(share))).quantize(lot, ROUND_HALF_EVEN))
        self._count += 1
        trade = Trade(self._count, at_ns, side, level.price, quantity)
        self._trades.append(trade)
        self._minute_of(trade).add(trade)

    def trades(self) -> tuple[Trade, ...]:
        """Return the latest trades, oldest first."""
        return tuple(self._trades)

    def candles(self) -> list[Candle]:
        """Return the minutes known, oldest first; those before the start are a seeded walk to the opening price."""
        if self._history is None:
            self._history = _history(self._instrument, Random(self._seed), before_ns=self._start_ns)
        return [*self._history, *self._minutes]

    def _minute_of(self, trade: Trade) -> Candle:
        opened_at_ns = trade.at_ns - trade.at_ns % MINUTE_NS
        if not self._minutes or self._minutes[-1].opened_at_ns != opened_at_ns:
            price = trade.price
            self._minutes.append(Candle(opened_at_ns, price, price, price, price, Decimal(0), 0))
        return self._minutes[-1]


def print_trades(
    tapes: Mapping[MarketKey, Tape], best: Mapping[MarketKey, tuple[Level, Level]], rng: Random, at_ns: int
) -> None:
    """Let a taker come to each market with a fixed probability."""
    for market, (bid, ask) in best.items():
        if rng.random() < TRADE_PROBABILITY:
            side = rng.choice((Side.BUY, Side.SELL))
            tapes[market].trade(ask if side is Side.BUY else bid, side, share=rng.uniform(0.02, 0.4), at_ns=at_ns)


def _history(instrument: Instrument, rng: Random, *, before_ns: int) -> list[Candle]:
    """Walk backwards from the opening price, a minute at a time."""
    deviation = instrument.yearly_volatility * math.sqrt(60 / YEAR_S)
    newest_ns = before_ns - before_ns % MINUTE_NS - MINUTE_NS
    close = instrument.price_usd
    candles = []
    for age in range(HISTORY_MINUTES):
        opening = close * math.exp(rng.gauss(0.0, deviation))
        wick = abs(rng.gauss(0.0, deviation)) / 2
        high, low = max(opening, close) * (1 + wick), min(opening, close) * (1 - wick)
        first, top, bottom, last = (_on_grid(price, instrument.tick) for price in (opening, high, low, close))
        volume = _on_grid(instrument.level_usd * rng.lognormvariate(1.5, 0.6) / close, instrument.lot)
        opened_at_ns = newest_ns - age * MINUTE_NS
        candles.append(Candle(opened_at_ns, first, top, bottom, last, volume, rng.randint(20, 200)))
        close = opening
    return candles[::-1]


def _on_grid(value: float, step: Decimal) -> Decimal:
    return Decimal(repr(value)).quantize(step, ROUND_HALF_EVEN)
