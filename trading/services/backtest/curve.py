"""The curve of a run: its rows in the order they came to be, marked and added up at every change."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from domain.equity import Equity, Place, Split
from domain.ledger import OURS
from domain.market import MarketKey, Pair
from domain.money import EXACT, quantize_down
from domain.scope import Scope
from domain.timestamps import to_ns
from trading.models import Execution, LedgerEntry, MarketSnapshot
from trading.services.backtest.capital import HALF, Listing, Position

CHUNK = 5_000  # rows fetched at a time


@dataclass(frozen=True, slots=True)
class Point:
    """The run at one instant: its value and why it changed; of some points, what the places watched are worth."""

    at_ns: int
    value_usd: Decimal
    split: Split
    places_usd: tuple[Decimal, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Mark:
    place: Place
    price_usd: Decimal

    def tell(self, equity: Equity) -> None:
        equity.mark(self.place, self.price_usd)


@dataclass(frozen=True, slots=True)
class _Move:
    place: Place
    amount: Decimal

    def tell(self, equity: Equity) -> None:
        equity.move(self.place, self.amount)


@dataclass(frozen=True, slots=True)
class _Result:
    net_usd: Decimal

    def tell(self, equity: Equity) -> None:
        equity.earn(self.net_usd)


_Event = _Mark | _Move | _Result


class Curve:
    """A run's equity, from its capital on; ``points`` lives through it once, after which ``equity`` is its end."""

    def __init__(
        self, positions: Sequence[Position], listing: Listing, scope: Scope, *, watched: Sequence[Place] = ()
    ) -> None:
        self._listing = listing
        self._watched = tuple(watched)
        self._due_ns = 0
        self._scope = scope
        prices = {one.place: one.price_usd for one in positions}
        rates = {
            Place(market.venue, market.pair.quote.symbol): listing.quote_usd[market.pair.quote.symbol]
            for market in listing.markets
        }
        self.equity = Equity({one.place: one.amount for one in positions}, rates | prices)
        self.lowest: dict[Place, Decimal] = {one.place: one.amount for one in positions}

    def points(self, *, look_every_ns: int = 0) -> Iterator[Point]:
        """Yield the run at each instant at which anything changed, earliest first; look at the places now and then."""
        merged = heapq.merge(self._moves(), self._results(), self._marks(), key=itemgetter(0))
        for at, happened in groupby(merged, key=itemgetter(0)):
            for _, event in happened:
                event.tell(self.equity)
                if isinstance(event, _Move):
                    self._note_lowest(event.place)
            yield self._point(to_ns(at), look_every_ns)

    def _point(self, at_ns: int, look_every_ns: int) -> Point:
        equity = self.equity
        if at_ns < self._due_ns:
            return Point(at_ns, equity.value_usd, equity.split)
        self._due_ns = at_ns + look_every_ns
        return Point(at_ns, equity.value_usd, equity.split, self.places_usd())

    def places_usd(self) -> tuple[Decimal, ...]:
        """Return what the places watched are worth now."""
        return tuple(self.equity.value_at(place) for place in self._watched)

    def _note_lowest(self, place: Place) -> None:
        held = self.equity.held[place]
        self.lowest[place] = min(self.lowest.get(place, held), held)

    def _moves(self) -> Iterator[tuple[datetime, _Event]]:
        rows = LedgerEntry.objects.in_scope(self._scope).filter(account__startswith=OURS).order_by("recorded_at", "id")
        for at, account, asset, amount in _read(rows, "recorded_at", "account", "asset", "amount"):
            yield at, _Move(Place(account.removeprefix(OURS), asset), amount)

    def _results(self) -> Iterator[tuple[datetime, _Event]]:
        rows = Execution.objects.in_scope(self._scope).filter(settled_at__isnull=False).order_by("settled_at", "id")
        for at, net_usd in _read(rows, "settled_at", "net_usd"):
            yield at, _Result(net_usd)

    def _marks(self) -> Iterator[tuple[datetime, _Event]]:
        priced_by = self._listing.priced_by
        rows = MarketSnapshot.objects.in_scope(self._scope).order_by("timestamp", "id")
        for at, venue, symbol, bid, ask in _read(rows, "timestamp", "venue", "symbol", "bid", "ask"):
            market = MarketKey(venue, Pair.parse(symbol))
            if market in priced_by:
                middle = quantize_down(EXACT.multiply(EXACT.add(bid, ask), HALF))
                yield at, _Mark(priced_by[market], self._listing.price_usd(market, middle))


def _read(rows: Any, *names: str) -> Iterator[tuple[Any, ...]]:
    return iter(rows.values_list(*names).iterator(chunk_size=CHUNK))
