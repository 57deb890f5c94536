"""The minutes of every market in memory, kept up with the bars that changed; built again from the rows at a start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Max, Q

from domain.money import to_float
from domain.scope import Scope
from domain.timestamps import NS_PER_S, from_ns, to_ns
from domain.volatility import MinutePrices, Realised
from trading.models import PriceBar, PriceSource

HOUR, DAY, WEEK = 60, 24 * 60, 7 * 24 * 60  # minutes
WINDOWS: Mapping[str, int] = {"1h": HOUR, "24h": DAY, "7d": WEEK}
MIN_RETURNS = 20
VOLUME_KNOWN = DAY * 95 // 100  # minutes of the day whose volume must be known for there to be a day's volume
RECENT = 10  # minutes written and read anew each time, whatever a clock that was put back may say of them

_MINUTE_NS = 60 * NS_PER_S
_COLUMNS = ("venue", "symbol", "timestamp", "close", "volume", "source", "written_at")
_READ_AT_ONCE = 5_000


class MarketName(NamedTuple):
    """A market by the names in its rows."""

    venue: str
    symbol: str


class _Bar(NamedTuple):
    """What is read of a row."""

    venue: str
    symbol: str
    timestamp: datetime
    close: Decimal
    volume: Decimal | None
    source: str
    written_at: datetime


@dataclass(slots=True)
class MarketMinutes:
    """What is known of one market's minutes, counted from the epoch."""

    prices: MinutePrices = field(default_factory=lambda: MinutePrices(tuple(WINDOWS.values())))
    seen_since: int | None = None  # the first minute in which we saw its books
    volume_until: int | None = None  # the last minute whose volume the venue told

    def realised(self) -> dict[str, Realised | None]:
        """Return what each window shows."""
        return {name: self.prices.realised(length, min_count=MIN_RETURNS) for name, length in WINDOWS.items()}

    def known(self) -> dict[str, float]:
        """Return the share of each window's minutes that have a price."""
        return {name: self.prices.known(length) / length for name, length in WINDOWS.items()}

    def volume(self) -> Decimal | None:
        """Return what was traded in the last day; None where that is not known of nearly every minute."""
        return self.prices.volume(DAY, min_count=VOLUME_KNOWN)

    def put(self, minute: int, bar: _Bar) -> None:
        """Take in a bar that is new or different."""
        self.prices.put(minute, to_float(bar.close), bar.volume)
        if bar.source == PriceSource.BOOKS:
            self.seen_since = minute if self.seen_since is None else min(minute, self.seen_since)
        if bar.volume is not None:
            self.volume_until = minute if self.volume_until is None else max(minute, self.volume_until)


class MinuteCache:
    """The markets of one scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._markets: dict[MarketName, MarketMinutes] = {}
        self._read_until: datetime | None = None
        self._minute: int | None = None  # up to which windows reach

    @property
    def is_new(self) -> bool:
        """Whether nothing has been read yet."""
        return self._read_until is None

    def market(self, name: MarketName) -> MarketMinutes:
        """Return what is known of a market."""
        return self._markets.setdefault(name, MarketMinutes())

    def read(self, minute: int) -> int:
        """Take in what changed since the last time, let windows reach ``minute``; return how many bars were read.

        Minutes that are yet to come, as a clock that was ahead has left them, are passed over.
        """
        self._forget_what_is_gone(minute)
        span = (start_of(minute - WEEK), start_of(minute))
        rows = PriceBar.objects.in_scope(self._scope).filter(timestamp__range=span)
        if self._read_until is not None:
            is_recent = Q(timestamp__gte=start_of(minute - RECENT))
            rows = rows.filter(Q(written_at__gte=self._read_until) | is_recent)
        count = 0
        for row in rows.order_by("timestamp").values_list(*_COLUMNS).iterator(chunk_size=_READ_AT_ONCE):
            self._take(_Bar(*row))
            count += 1
        for market in self._markets.values():
            market.prices.advance(minute)
        return count

    def _take(self, bar: _Bar) -> None:
        self.market(MarketName(bar.venue, bar.symbol)).put(minute_of(bar.timestamp), bar)
        self._read_until = bar.written_at if self._read_until is None else max(bar.written_at, self._read_until)

    def _forget_what_is_gone(self, minute: int) -> None:
        """Begin anew where the rows last read are gone, for somebody emptied the table, or the clock was put back."""
        newest = PriceBar.objects.in_scope(self._scope).aggregate(newest=Max("written_at"))["newest"]
        is_gone = self._read_until is not None and (newest is None or newest < self._read_until)
        if is_gone or (self._minute is not None and minute < self._minute):
            self._markets.clear()
            self._read_until = None
        self._minute = minute


def minute_of(at: datetime) -> int:
    """Return the minute that an instant lies in."""
    return to_ns(at) // _MINUTE_NS


def start_of(minute: int) -> datetime:
    """Return the instant that a minute begins at."""
    return from_ns(minute * _MINUTE_NS)
