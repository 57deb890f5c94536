"""The latest state of every market, a few seconds of how it came to be, and the routes that join the markets."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from operator import attrgetter

from domain.book import validate
from domain.errors import BadInput, BadMarketData
from domain.market import Asset, Market, MarketKey, PoolState
from domain.routes import Route, routes_between
from domain.timestamps import NS_PER_MS

HISTORY_MS = 10_000
_seen_at_ns = attrgetter("seen_at_ns")


class BookView:
    """Books and pools in memory.

    ``put`` refuses what is malformed or older than what it has; ages are for the reader.
    """

    def __init__(
        self,
        markets: Iterable[MarketKey],
        *,
        origins: Mapping[str, str] | None = None,
        pools: Container[str] = (),
        only_read: Collection[MarketKey] = frozenset(),
        history_ms: int = HISTORY_MS,
    ) -> None:
        """Watch ``markets``; ``origins`` says, by venue, whose books it shows: such of one origin are not joined.

        ``pools`` are the venues whose markets are pools; on those that are ``only_read`` no route has a leg.
        """
        self.only_read = only_read
        self._history_ns = history_ms * NS_PER_MS
        self._history: dict[MarketKey, list[Market]] = {market: [] for market in markets}
        self._latest: dict[MarketKey, Market] = {}
        self._routes = _routes_by_market((key for key in self._history if key not in only_read), origins, pools)
        self._priced = _markets_by_base(self._history)
        self._refused: Counter[tuple[str, str]] = Counter()

    @property
    def markets(self) -> tuple[MarketKey, ...]:
        """Return every market that is watched."""
        return tuple(self._history)

    @property
    def refused(self) -> Mapping[tuple[str, str], int]:
        """Return how often a book was refused here, by venue and reason."""
        return dict(self._refused)

    def put(self, book: Market) -> MarketKey:
        """Take a newer book or pool and return its market.

        Raises: BadMarketData, counted, if it is malformed or not newer; BadInput for a market that is not watched.
        """
        key = MarketKey(book.venue, book.pair)
        history = self._history.get(key)
        if history is None:
            raise BadInput(f"{book.pair} on {book.venue} is not watched")
        try:
            _check_newer(book, history)
            validate(book, known=history[-1] if history else None)
        except BadMarketData as bad:
            self._refused[book.venue, bad.reason] += 1
            raise
        history.append(book)
        self._latest[key] = book
        self._forget_old(history)
        return key

    def book(self, key: MarketKey) -> Market | None:
        """Return the latest sound state of a market, or None where none has been seen."""
        return self._latest.get(key)

    def books(self) -> list[Market]:
        """Return the latest sound state of every market that has one."""
        return [history[-1] for history in self._history.values() if history]

    def book_at(self, key: MarketKey, at_ns: int) -> Market | None:
        """Return the latest book seen at or before ``at_ns``; None where that is before all we remember.

        The book may have been old at that instant already: compare its ``seen_at_ns``.
        """
        history = self._history.get(key, [])
        after = bisect_right(history, at_ns, key=_seen_at_ns)
        return history[after - 1] if after else None

    def next_block(self, known: PoolState, after_ns: int) -> PoolState | None:
        """Return the pool as the first block left it that came after ``known`` and after an instant; None so far."""
        history = self._history[MarketKey(known.venue, known.pair)]
        coming = history[bisect_right(history, after_ns, key=_seen_at_ns) :]
        return next((one for one in coming if isinstance(one, PoolState) and one.block > known.block), None)

    def routes(self, key: MarketKey) -> Sequence[Route]:
        """Return every route with a leg on ``key``."""
        return self._routes.get(key, ())

    def priced(self, asset: Asset) -> Sequence[MarketKey]:
        """Return every market whose base is ``asset``."""
        return self._priced.get(asset, ())

    def _forget_old(self, history: list[Market]) -> None:
        """Forget what was superseded before the history began, in strides so that a book costs little."""
        begins_ns = history[-1].seen_at_ns - self._history_ns
        if history[0].seen_at_ns < begins_ns - self._history_ns // 4:
            keep_from = bisect_right(history, begins_ns, key=_seen_at_ns) - 1
            del history[: max(keep_from, 0)]


def _check_newer(book: Market, history: Sequence[Market]) -> None:
    if not history:
        return
    last = history[-1]
    if book.seen_at_ns < last.seen_at_ns or book.seq <= last.seq:
        raise BadMarketData("out_of_order", f"{book.venue} {book.pair} seq {book.seq} after {last.seq}")


def _routes_by_market(
    markets: Iterable[MarketKey], origins: Mapping[str, str] | None, pools: Container[str]
) -> dict[MarketKey, tuple[Route, ...]]:
    listed = tuple(markets)
    joined: dict[MarketKey, list[Route]] = {market: [] for market in listed}
    for route in routes_between(listed, origins, pools=pools):
        joined[route.buy.market].append(route)
        joined[route.sell.market].append(route)
    return {market: tuple(routes) for market, routes in joined.items()}


def _markets_by_base(markets: Iterable[MarketKey]) -> dict[Asset, tuple[MarketKey, ...]]:
    found: dict[Asset, list[MarketKey]] = {}
    for market in markets:
        found.setdefault(market.pair.base, []).append(market)
    return {asset: tuple(keys) for asset, keys in found.items()}
