"""The prices of a run once a minute: what its holdings are marked at afterwards."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from domain.market import Book, MarketKey
from domain.routes import MarketView
from domain.scope import Scope
from domain.timestamps import NS_PER_S, from_ns
from trading.models import MarketSnapshot
from trading.services.replay.timeline import Json

EVERY_NS = 60 * NS_PER_S
FLUSH_AT = 2_000  # prices kept at most before they are written


class Seen(NamedTuple):
    """The best prices of one market at one instant, ready for JSON."""

    at_ns: int
    venue: str
    symbol: str
    bid: str
    ask: str


class PriceWatch:
    """Writes down each market's best prices, with the first instant of every minute and at the end of a replay."""

    def __init__(self, scope: Scope, markets: Sequence[MarketKey]) -> None:
        self._scope, self._markets = scope, tuple(markets)
        self._due_ns = 0
        self._kept: list[Seen] = []
        self._seen_at_ns: dict[MarketKey, int] = {}
        self._last: tuple[int, MarketView] | None = None

    def note(self, now_ns: int, view: MarketView) -> None:
        """Take in one instant."""
        self._last = now_ns, view
        if now_ns >= self._due_ns:
            self._due_ns = (now_ns // EVERY_NS + 1) * EVERY_NS
            self._look(now_ns, view)

    def finish(self) -> None:
        """Write what is kept and the very last prices."""
        if self._last is not None:
            self._look(*self._last)
        self._flush()

    def state(self) -> Json:
        """Return what is not written yet, and when to look again."""
        return {"due_ns": self._due_ns, "kept": [list(seen) for seen in self._kept]}

    def restore(self, state: Json) -> None:
        """Go on from where another watch stood."""
        self._due_ns = int(state["due_ns"])
        self._kept = [Seen(*row) for row in state["kept"]]

    def _look(self, now_ns: int, view: MarketView) -> None:
        for market in self._markets:
            book = view.book(market)
            if book is not None and book.bids and book.asks and self._is_news(market, book):
                bid, ask = str(book.bids[0].price), str(book.asks[0].price)
                self._kept.append(Seen(now_ns, market.venue, market.pair.symbol, bid, ask))
        if len(self._kept) >= FLUSH_AT:
            self._flush()

    def _is_news(self, market: MarketKey, book: Book) -> bool:
        is_news = self._seen_at_ns.get(market) != book.seen_at_ns
        self._seen_at_ns[market] = book.seen_at_ns
        return is_news

    def _flush(self) -> None:
        MarketSnapshot.objects.bulk_create(
            MarketSnapshot(
                **self._scope.columns,
                timestamp=from_ns(seen.at_ns),
                venue=seen.venue,
                symbol=seen.symbol,
                bid=Decimal(seen.bid),
                ask=Decimal(seen.ask),
            )
            for seen in self._kept
        )
        self._kept = []
