"""Volatility on the virtual clock: the last hour of each market against its last day, told to breaker and models.

The same measure as the volatility job's, kept up in memory on a grid of one minute; looked at every five minutes.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from domain.breakers import VolatilityReading
from domain.features import Contexts, FeatureContext
from domain.market import Market, MarketKey
from domain.money import to_float
from domain.scope import Scope
from domain.timestamps import NS_PER_HOUR, NS_PER_S, from_ns
from domain.volatility import PricePoint, RollingVolatility
from risk.services import note_volatility
from trading.services.replay.timeline import Json

STEP_NS = 60 * NS_PER_S
DAY_NS = 24 * NS_PER_HOUR
LOOK_EVERY_NS = 5 * STEP_NS
MIN_RETURNS = 20


class VolatilityWatch:
    """Keeps an hour and a day of each market's middle prices."""

    def __init__(self, markets: Sequence[MarketKey]) -> None:
        self._markets = {market: _Prices() for market in markets}
        self._look_at_ns = 0

    def note(self, books: Mapping[MarketKey, Market], *, among: Iterable[MarketKey], now_ns: int, scope: Scope) -> bool:
        """Take in the books of an instant; return whether a look at ``among`` was due and tripped the breaker."""
        for market, book in books.items():
            self._markets[market].add(book, now_ns)
        if now_ns < self._look_at_ns:
            return False
        self._look_at_ns = now_ns + LOOK_EVERY_NS
        readings = [self._markets[market].reading(market, now_ns) for market in among]
        tripped = [note_volatility(found, scope=scope, now=from_ns(now_ns)) for found in readings if found is not None]
        return any(tripped)

    def contexts(self, now_ns: int) -> Contexts:
        """Return what the models are told of each pair: what its first market shows, no week and no volume."""
        return {market.pair.symbol: kept.context(now_ns) for market, kept in reversed(self._markets.items())}

    def state(self) -> Json:
        """Return what ``restore`` needs to go on from here."""
        points = [[market.venue, str(market.pair), list(kept.points)] for market, kept in self._markets.items()]
        return {"look_at_ns": self._look_at_ns, "points": points}

    def restore(self, state: Json) -> None:
        """Go on from where another one stood."""
        self._look_at_ns = state["look_at_ns"]
        named = {(market.venue, str(market.pair)): kept for market, kept in self._markets.items()}
        for venue, symbol, points in state["points"]:
            named[venue, symbol].restore(points)


class _Prices:
    """One market's middle prices: at most one a minute, for a day."""

    def __init__(self) -> None:
        self.points: deque[PricePoint] = deque()
        self._hour, self._day = _window(NS_PER_HOUR), _window(DAY_NS)

    def add(self, book: Market, now_ns: int) -> None:
        if self.points and now_ns - self.points[-1].at_ns < STEP_NS:
            return
        self._take(PricePoint(now_ns, (to_float(book.best_bid) + to_float(book.best_ask)) / 2))

    def restore(self, points: Iterable[tuple[int, float]]) -> None:
        for at_ns, price in points:
            self._take(PricePoint(at_ns, price))

    def reading(self, market: MarketKey, now_ns: int) -> VolatilityReading | None:
        short = self._hour.realised(now_ns=now_ns, min_count=MIN_RETURNS)
        baseline = self._day.realised(now_ns=now_ns, min_count=MIN_RETURNS)
        if short is None or baseline is None:
            return None
        return VolatilityReading(short.volatility, baseline.volatility, short.count, f"{market.venue} {market.pair}")

    def context(self, now_ns: int) -> FeatureContext:
        hour, day = (one.realised(now_ns=now_ns, min_count=MIN_RETURNS) for one in (self._hour, self._day))
        return FeatureContext(
            volatility_1h=math.nan if hour is None else hour.volatility,
            volatility_24h=math.nan if day is None else day.volatility,
            returns_1h=math.nan if hour is None else hour.returns,
        )

    def _take(self, point: PricePoint) -> None:
        self.points.append(point)
        self._hour.add(*point)
        self._day.add(*point)
        while self.points[0].at_ns < point.at_ns - DAY_NS:
            self.points.popleft()


def _window(length_ns: int) -> RollingVolatility:
    return RollingVolatility(window_ns=length_ns)
