"""The prices of a run once a minute: what its holdings are marked at afterwards."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from domain.market import Market, MarketKey
from domain.routes import MarketView
from domain.scope import Scope
from domain.timestamps import NS_PER_S, from_ns
from trading.services.replay.timeline import Json
from trading.services.snapshots import Snapshot, append_snapshots

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
        self._last_kept: list[Seen] = []  # by an earlier watch, should no instant come any more

    def note(self, now_ns: int, view: MarketView) -> None:
        """Take in one instant."""
        self._last = now_ns, view
        if now_ns >= self._due_ns:
            self._due_ns = (now_ns // EVERY_NS + 1) * EVERY_NS
            self._look(now_ns, view)

    def finish(self) -> None:
        """Write what is kept and the very last prices."""
        self._kept += self._latest()
        self._flush()

    def state(self) -> Json:
        """Return what is not written yet, when to look again, and what there is beyond what was looked at."""
        return {
            "due_ns": self._due_ns,
            "kept": [list(seen) for seen in self._kept],
            "last": [list(seen) for seen in self._latest()],
            "seen_at_ns": [self._seen_at_ns.get(market) for market in self._markets],
        }

    def restore(self, state: Json) -> None:
        """Go on from where another watch stood."""
        self._due_ns = int(state["due_ns"])
        self._kept, self._last_kept = ([Seen(*row) for row in state[name]] for name in ("kept", "last"))
        told = zip(self._markets, state["seen_at_ns"], strict=True)
        self._seen_at_ns = {market: at_ns for market, at_ns in told if at_ns is not None}

    def _look(self, now_ns: int, view: MarketView) -> None:
        for market, book in self._news(view):
            self._kept.append(_seen(now_ns, market, book))
            self._seen_at_ns[market] = book.seen_at_ns
        if len(self._kept) >= FLUSH_AT:
            self._flush()

    def _latest(self) -> list[Seen]:
        """Return what the last instant showed that was not looked at."""
        if self._last is None:
            return self._last_kept
        now_ns, view = self._last
        return [_seen(now_ns, market, book) for market, book in self._news(view)]

    def _news(self, view: MarketView) -> Iterator[tuple[MarketKey, Market]]:
        for market in self._markets:
            book = view.book(market)
            if book is not None and book.bids and book.asks and self._seen_at_ns.get(market) != book.seen_at_ns:
                yield market, book

    def _flush(self) -> None:
        append_snapshots(
            self._scope,
            (
                Snapshot(from_ns(seen.at_ns), seen.venue, seen.symbol, Decimal(seen.bid), Decimal(seen.ask))
                for seen in self._kept
            ),
        )
        self._kept = []


def _seen(now_ns: int, market: MarketKey, book: Market) -> Seen:
    return Seen(now_ns, market.venue, market.pair.symbol, str(book.best_bid), str(book.best_ask))
