"""Markets that are watched for minutes on end, and venues that tell of theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from domain.market import Pair
from domain.scope import Scope
from domain.timestamps import from_ns
from tests.fakes import NOW_NS, SIM, FixedClock
from trading.models import MarketSnapshot, MarketVolatility
from trading.services import volatility
from trading.services.volatility.minute_cache import MinuteCache
from trading.venues.bars import MINUTE_S, BarsOrError, BarSource, MinuteBar, whole_minutes

START = from_ns(NOW_NS).replace(second=0, microsecond=0)
START_S = int(START.timestamp())


def bar_at(minute: int, price: object, volume: object = 1) -> MinuteBar:
    """Return a bar of one price, of a minute counted from the start."""
    return MinuteBar(START_S + minute * MINUTE_S, *[Decimal(str(price))] * 4, Decimal(str(volume)))


@dataclass
class Teller:
    """A venue that tells what it was given, or why it does not."""

    told: dict[str, list[MinuteBar]] = field(default_factory=dict)
    trouble: dict[str, Exception] = field(default_factory=dict)
    volumes: dict[str, Decimal] = field(default_factory=dict)
    asked: list[dict[str, int]] = field(default_factory=list)

    async def read(self, since_s: Mapping[Pair, int], *, until_s: int) -> dict[Pair, BarsOrError]:
        self.asked.append({pair.symbol: (at - START_S) // MINUTE_S for pair, at in since_s.items()})
        return {
            pair: self.trouble.get(pair.symbol)
            or whole_minutes(self.told.get(pair.symbol, []), since_s=at, until_s=until_s)
            for pair, at in since_s.items()
        }

    async def day_volumes(self, pairs: Sequence[Pair]) -> dict[Pair, Decimal]:
        return {pair: self.volumes[pair.symbol] for pair in pairs if pair.symbol in self.volumes}


@dataclass
class Watch:
    """The job, run by hand; minutes are counted from the start."""

    scope: Scope = SIM
    cache: MinuteCache = field(default_factory=lambda: MinuteCache(SIM))
    sources: dict[str, BarSource] = field(default_factory=dict)

    def see(self, minute: float, price: float, *, venue: str = "a", symbol: str = "BTC/USD", depth: int = 5) -> None:
        """Write the snapshot of a book whose middle is ``price``."""
        MarketSnapshot.objects.create(
            **self.scope.columns,
            timestamp=START + timedelta(minutes=minute),
            venue=venue,
            symbol=symbol,
            bid=Decimal(str(price)) - 1,
            ask=Decimal(str(price)) + 1,
            bid_depth_usd=depth,
            ask_depth_usd=depth,
        )

    def run(self, minute: float) -> int:
        """Run the job as at an instant of ``minute``."""
        clock = FixedClock(int((START_S + minute * MINUTE_S) * 10**9))
        return volatility.update(self.scope, clock=clock, sources=self.sources, cache=self.cache)

    def row(self, venue: str = "a") -> MarketVolatility:
        """Return the newest row."""
        return MarketVolatility.objects.filter(venue=venue).order_by("-timestamp", "-id")[0]

    def row_at(self, minute: float, venue: str = "a") -> MarketVolatility:
        """Run the job as at an instant, and return the row that it wrote."""
        self.run(minute)
        return MarketVolatility.objects.get(venue=venue, timestamp=START + timedelta(minutes=minute))
