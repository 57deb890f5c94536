"""What venues tell of each minute: first, highest, lowest and last traded price, and how much was traded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, TypeAlias

from domain.errors import ArbError, BadMarketData
from domain.market import Pair
from domain.money import ZERO
from trading.venues.exact import plain_digits

MINUTE_S = 60


class MinuteBar(NamedTuple):
    """One whole minute of one market; prices in quote per base, volume in base."""

    minute_s: int  # UTC seconds at the minute's start
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


BarsOrError: TypeAlias = list[MinuteBar] | ArbError


class BarSource(Protocol):
    """Where minute bars come from; what is wrong with one pair keeps no other pair's from being told."""

    async def read(self, since_s: Mapping[Pair, int], *, until_s: int) -> dict[Pair, BarsOrError]:
        """Return the whole minutes of each pair from its instant on, oldest first, or why they cannot be had.

        A minute without a trade keeps the price before it. Venues tell as far back as they do: Kraken 720 minutes.
        """

    async def day_volumes(self, pairs: Sequence[Pair]) -> dict[Pair, Decimal]:
        """Return what was traded of each pair in the last day, as far as the venue states that in one figure."""


def minute_bar(minute_s: int, prices: Iterable[object], volume: object) -> MinuteBar:
    """Return a checked bar from the digits of its four prices and its volume. Raises: BadMarketData."""
    open_, high, low, close = (Decimal(plain_digits(str(price))) for price in prices)
    if minute_s % MINUTE_S:
        raise BadMarketData("bad_instant", f"{minute_s} is not the start of a minute")
    if not 0 < low <= min(open_, close) <= max(open_, close) <= high:
        raise BadMarketData("bad_bar", f"{open_}, {high}, {low}, {close} are no open, high, low and close")
    return MinuteBar(minute_s, open_, high, low, close, Decimal(plain_digits(str(volume))))


def whole_minutes(bars: Iterable[MinuteBar], *, since_s: int, until_s: int) -> list[MinuteBar]:
    """Return the bars of minutes that lie wholly in the span, oldest first, those between them filled in.

    Of a minute that is told twice the later word counts.
    """
    by_minute = {bar.minute_s: bar for bar in bars}
    in_order = _every_minute(by_minute[minute_s] for minute_s in sorted(by_minute))
    return [bar for bar in in_order if since_s <= bar.minute_s <= until_s - MINUTE_S]


def _every_minute(bars: Iterable[MinuteBar]) -> Iterator[MinuteBar]:
    last: MinuteBar | None = None
    for bar in bars:
        if last is not None:
            for quiet_s in range(last.minute_s + MINUTE_S, bar.minute_s, MINUTE_S):
                yield MinuteBar(quiet_s, last.close, last.close, last.close, last.close, ZERO)
        yield bar
        last = bar


def rows_of(found: Any) -> list[Any]:
    """Return a venue's rows of bars. Raises: BadMarketData where they are none."""
    if not isinstance(found, list):
        raise BadMarketData("malformed", "bars are not a list")
    return found


def check_span(bars: list[MinuteBar], *, longest_s: int) -> list[MinuteBar]:
    """Return the bars of one answer. Raises: BadMarketData where they lie further apart than it can reach."""
    if bars:
        first_s, last_s = min(bar.minute_s for bar in bars), max(bar.minute_s for bar in bars)
        if last_s - first_s > longest_s:
            raise BadMarketData("out_of_range", f"bars from {first_s} to {last_s}")
    return bars
