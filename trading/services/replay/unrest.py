"""Volatility on the virtual clock: the last hour of each market against its last day, told to the volatility breaker.

The same measure as the volatility job's, kept up in memory on a grid of one minute; looked at every five minutes.
"""

from collections.abc import Mapping, Sequence

from domain.breakers import VolatilityReading
from domain.market import Book, MarketKey
from domain.money import to_float
from domain.scope import Scope
from domain.timestamps import NS_PER_S, from_ns
from domain.volatility import RollingVolatility
from risk.services import note_volatility

STEP_NS = 60 * NS_PER_S
HOUR_NS = 3_600 * NS_PER_S
DAY_NS = 24 * HOUR_NS
LOOK_EVERY_NS = 5 * STEP_NS
MIN_RETURNS = 20


class Unrest:
    """Keeps an hour and a day of each market's middle prices."""

    def __init__(self, markets: Sequence[MarketKey]) -> None:
        self._hour = {market: _window(HOUR_NS) for market in markets}
        self._day = {market: _window(DAY_NS) for market in markets}
        self._look_at_ns = 0

    def note(self, books: Mapping[MarketKey, Book], *, now_ns: int, scope: Scope) -> bool:
        """Take in the books of an instant; return whether a look was due and tripped the breaker."""
        for market, book in books.items():
            middle = (to_float(book.bids[0].price) + to_float(book.asks[0].price)) / 2
            self._hour[market].add(now_ns, middle)
            self._day[market].add(now_ns, middle)
        if now_ns < self._look_at_ns:
            return False
        self._look_at_ns = now_ns + LOOK_EVERY_NS
        readings = [self._reading(market, now_ns) for market in books]
        tripped = [note_volatility(found, scope=scope, now=from_ns(now_ns)) for found in readings if found is not None]
        return any(tripped)

    def _reading(self, market: MarketKey, now_ns: int) -> VolatilityReading | None:
        short = self._hour[market].realised(now_ns=now_ns, min_count=MIN_RETURNS)
        baseline = self._day[market].realised(now_ns=now_ns, min_count=MIN_RETURNS)
        if short is None or baseline is None:
            return None
        return VolatilityReading(short.volatility, baseline.volatility, short.count, f"{market.venue} {market.pair}")


def _window(length_ns: int) -> RollingVolatility:
    return RollingVolatility(window_ns=length_ns, min_step_ns=STEP_NS)
