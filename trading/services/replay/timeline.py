"""What a replay is fed: instants in order, each with the books of that moment and the books that due orders meet.

The driver knows nothing of candles; recordings of order books come in by the same door.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from domain.market import Book, MarketKey
from domain.routes import Route, routes_between


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment of recorded time. A market that ``books`` leaves out has no book.

    ``fill_book`` returns what an order meets that fell due since the instant before, or None where nobody saw the
    market; it may be asked until the next instant is taken.
    """

    at_ns: int
    books: Mapping[MarketKey, Book]
    fill_book: Callable[[MarketKey], Book | None]


class Timeline(Protocol):
    """Recorded time, from its first instant to its last."""

    @property
    def markets(self) -> Sequence[MarketKey]:
        """Return every market that was recorded, in the order it was given."""

    @property
    def days(self) -> Sequence[date]:
        """Return every UTC day that the recording touches."""

    @property
    def step_ns(self) -> int:
        """Return how long after the last instant the next one would have come."""

    def __len__(self) -> int:
        """Return how many instants there are."""

    def instants(self) -> Iterator[Instant]:
        """Yield every instant, earliest first; each call starts anew."""


class RecordedView:
    """The market view of one instant; each route is looked at once, by way of the first of its markets."""

    def __init__(self, markets: Sequence[MarketKey]) -> None:
        self._books: Mapping[MarketKey, Book] = {}
        self._routes: dict[MarketKey, list[Route]] = {market: [] for market in markets}
        for route in routes_between(markets):
            first = min(route.buy.market, route.sell.market, key=list(markets).index)
            self._routes[first].append(route)

    def show(self, books: Mapping[MarketKey, Book]) -> None:
        """Let these books be all there is."""
        self._books = books

    def book(self, key: MarketKey) -> Book | None:
        """Return the book of this instant, or None where there is none."""
        return self._books.get(key)

    def routes(self, key: MarketKey) -> Sequence[Route]:
        """Return the routes that are looked at when this market is."""
        return self._routes[key]

    @property
    def is_empty(self) -> bool:
        """Whether no two markets can be traded against each other."""
        return not any(self._routes.values())
