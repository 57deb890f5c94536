"""The books under load: each pair walks a fixed cycle of books, there and back, so that every frame is known before."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from domain.market import Book, Level, Pair
from simulator.instruments import ALPACA, KRAKEN, Instrument

STEPS_OUT = 8
LEVELS = 25
SPARE_LEVELS = 10  # behind the last one shown: what comes up when a better one goes
HALF_SPREAD_TICKS = {KRAKEN: 2, ALPACA: 5}
CROSSED_ONE_IN = 10  # this share of the pairs stands crossed between the two, by less than any fee
CROSSED_BY_TICKS = 12
REMOVAL_PROBABILITY = 0.3

_TICK = Decimal("0.01")
_LOT = Decimal("0.00000001")
_LEAST = Decimal("0.001")


def load_pairs(count: int) -> tuple[Instrument, ...]:
    """Return the made-up pairs: L000/USD, L001/USD and so on, near 100 USD."""
    return tuple(_instrument(number) for number in range(count))


def _instrument(number: int) -> Instrument:
    price_usd = 80.0 + number % 50
    return Instrument(Pair.parse(f"L{number:03d}/USD"), _TICK, _LOT, _LEAST, price_usd, 0.5, 1_000.0)


@dataclass(frozen=True, slots=True)
class Cycle:
    """One pair's books on one exchange, in order; behind the last comes the first again."""

    instrument: Instrument
    books: tuple[Book, ...]

    def after(self, position: int) -> int:
        """Return the position that follows."""
        return (position + 1) % len(self.books)


def cycles_of(adapter: str, instruments: Sequence[Instrument], *, seed: int) -> tuple[Cycle, ...]:
    """Return the cycle of every pair on the exchange that ``adapter`` shows; the same seed gives the same books."""
    return tuple(
        _cycle(adapter, instrument, number, Random(f"{seed}:{adapter}:{instrument.pair}"))
        for number, instrument in enumerate(instruments)
    )


def _cycle(adapter: str, instrument: Instrument, number: int, rng: Random) -> Cycle:
    is_shifted = adapter == ALPACA and number % CROSSED_ONE_IN == 0
    middle = Decimal(repr(instrument.price_usd)).quantize(_TICK) + (CROSSED_BY_TICKS * _TICK if is_shifted else 0)
    away = HALF_SPREAD_TICKS[adapter]
    count = LEVELS + SPARE_LEVELS
    bids = [_level(middle - (away + step) * _TICK, rng) for step in range(count)]
    asks = [_level(middle + (away + step) * _TICK, rng) for step in range(count)]
    path = [_book(adapter, instrument.pair, bids, asks)]
    for _ in range(STEPS_OUT):
        _change(bids if rng.random() < 0.5 else asks, rng)
        path.append(_book(adapter, instrument.pair, bids, asks))
    return Cycle(instrument, (*path, *path[-2:0:-1]))


def _change(side: list[Level], rng: Random) -> None:
    """Let one level near the top change its quantity, or go: at most the spare ones ever go."""
    at = min(int(rng.expovariate(0.3)), LEVELS - 1)
    if rng.random() < REMOVAL_PROBABILITY and len(side) > LEVELS:
        del side[at]
    else:
        side[at] = _requantified(side[at], rng)


def _requantified(level: Level, rng: Random) -> Level:
    quantity = level.quantity
    while quantity == level.quantity:
        quantity = _quantity(rng)
    return Level(level.price, quantity)


def _level(price: Decimal, rng: Random) -> Level:
    return Level(price, _quantity(rng))


def _quantity(rng: Random) -> Decimal:
    return Decimal(rng.randint(10_000_000, 9_000_000_000)).scaleb(-8)


def _book(adapter: str, pair: Pair, bids: Sequence[Level], asks: Sequence[Level]) -> Book:
    return Book(adapter, pair, tuple(bids[:LEVELS]), tuple(asks[:LEVELS]), 0, 0, 0)
