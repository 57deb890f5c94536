"""What the replay knows of the markets at an instant: the candles of this minute, or every book that came until now."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.errors import BadMarketData
from domain.market import Asset, Market, MarketKey, PoolState
from domain.routes import MarketView, Route, routes_between
from domain.timestamps import NS_PER_S
from trading.market_json import market_from_json, market_to_json
from trading.marketdata.view import BookView
from trading.services.observing import FillRequest, PastBooks, met_by
from trading.services.replay.timeline import Instant, Json, Opening

QUIET_NS = 30 * NS_PER_S  # less than is shown again to a resumed run
ALL = 1_000_000  # levels: more than any book has


class View(MarketView, PastBooks, Protocol):
    """The markets now, and as they were a moment ago."""


class Markets(Protocol):
    """What is known of the markets, instant by instant."""

    @property
    def view(self) -> View:
        """Return the view that decisions are taken on."""

    def meet(self, request: FillRequest, instant: Instant) -> Market | FillRequest | None:
        """Return what an order meets which fell due by this instant; None where nobody saw its market."""

    def show(self, instant: Instant) -> Sequence[MarketKey]:
        """Take in the books of an instant and return the markets whose routes are to be decided."""

    def state(self) -> Json:
        """Return what the instants that are shown again to a resumed run do not tell."""

    def restore(self, state: Json) -> None:
        """Take up what ``state`` told, once they have been shown."""


def markets_of(opening: Opening) -> Markets:
    """Return what will be known from an opening on: nothing yet."""
    return CandleMarkets(opening) if opening.config.resolution_s else BookMarkets(opening)


class CandleMarkets:
    """This minute's candles, and nothing of the minute before."""

    def __init__(self, opening: Opening) -> None:
        self.view = RecordedView(opening.markets)

    def meet(self, request: FillRequest, instant: Instant) -> Market | FillRequest | None:
        """Return what the instant itself says."""
        return instant.fill_book(request.market)

    def show(self, instant: Instant) -> Sequence[MarketKey]:
        """Let the instant's books be all there is."""
        self.view.show(instant.books)
        return instant.changed

    def state(self) -> Json:
        """Return nothing: a minute's instant tells all."""
        return None

    def restore(self, state: Json) -> None:
        """Do nothing."""


class BookMarkets:
    """The same view as the stream's, fed with the same books."""

    def __init__(self, opening: Opening) -> None:
        self.view = BookView(opening.markets, origins=opening.adapters, pools=opening.config.gas)
        self._max_age_ms = opening.config.max_age_ms

    def meet(self, request: FillRequest, instant: Instant) -> Market | FillRequest | None:
        """Return what the stream's view would have shown."""
        return met_by(request, self.view, max_age_ms=self._max_age_ms)

    def show(self, instant: Instant) -> Sequence[MarketKey]:
        """Put every book; one that the view refuses changes nothing, as in the stream."""
        return [market for market in instant.changed if self._take(instant.books[market])]

    def state(self) -> Json:
        """Return the last books of the markets that have been quiet: none of the latest instants shows them."""
        books = self.view.books()
        latest_ns = max((book.seen_at_ns for book in books), default=0)
        return [market_to_json(book, depth=ALL) for book in books if latest_ns - book.seen_at_ns > QUIET_NS]

    def restore(self, state: Json) -> None:
        """Put back the books of quiet markets."""
        for book in map(market_from_json, state):
            if self.view.book(MarketKey(book.venue, book.pair)) is None:
                self.view.put(book)

    def _take(self, book: Market) -> bool:
        try:
            self.view.put(book)
        except BadMarketData:
            return False  # counted by the view
        return True


class RecordedView:
    """The market view of one minute; each route is looked at once, by way of the first of its markets."""

    def __init__(self, markets: Sequence[MarketKey]) -> None:
        self._books: Mapping[MarketKey, Market] = {}
        self._routes: dict[MarketKey, list[Route]] = {market: [] for market in markets}
        for route in routes_between(markets):
            first = min(route.buy.market, route.sell.market, key=list(markets).index)
            self._routes[first].append(route)

    def show(self, books: Mapping[MarketKey, Market]) -> None:
        """Let these books be all there is."""
        self._books = books

    def book(self, key: MarketKey) -> Market | None:
        """Return the book of this instant, or None where there is none."""
        return self._books.get(key)

    def book_at(self, key: MarketKey, at_ns: int) -> Market | None:
        """Return the book of this instant if it was seen by then: nothing older is known."""
        book = self._books.get(key)
        return book if book is not None and book.seen_at_ns <= at_ns else None

    def next_block(self, known: PoolState, after_ns: int) -> PoolState | None:
        """Return None: candles know no blocks."""
        return None

    def priced(self, asset: Asset) -> Sequence[MarketKey]:
        """Return every market whose base is ``asset``."""
        return [market for market in self._routes if market.pair.base == asset]

    def routes(self, key: MarketKey) -> Sequence[Route]:
        """Return the routes that are looked at when this market is."""
        return self._routes[key]

    @property
    def is_empty(self) -> bool:
        """Whether no two markets can be traded against each other."""
        return not any(self._routes.values())
