"""One look at every route: what the best prices give before and after fees, and why it is taken or left."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.costs import schedule_of
from domain.detection import Candidate, DetectConfig, detect
from domain.money import plain
from domain.routes import Route
from domain.screen import edges_bps, factor_of
from domain.terms import Rejected
from trading.marketdata.view import BookView
from trading.services.reference.terms import detect_config
from trading.services.stream.session import Session


@dataclass(frozen=True, slots=True)
class RouteLook:
    """What one route offers: the best prices, the edge of the first unit before and after fees, and the answer.

    Prices and edges are None where a book is missing.
    """

    route: Route
    ask: Decimal | None
    bid: Decimal | None
    gross_bps: float | None
    net_bps: float | None
    answer: str  # why it is left, or "pays"

    def as_json(self) -> dict[str, Any]:
        """Return the look ready for JSON."""
        return {
            "route": self.route.key,
            "ask": None if self.ask is None else plain(self.ask),
            "bid": None if self.bid is None else plain(self.bid),
            "gross_bps": None if self.gross_bps is None else round(self.gross_bps, 2),
            "net_bps": None if self.net_bps is None else round(self.net_bps, 2),
            "answer": self.answer,
        }


def looks_of(session: Session) -> list[RouteLook]:
    """Return a look at each route of a watch at its newest book, the best first."""
    view, config = session.view, detect_config(session.known.lots)
    now_ns = max((book.seen_at_ns for book in view.books()), default=0)
    looks = {look.route.key: look for look in _looks(view, config, now_ns)}
    return sorted(looks.values(), key=lambda look: (look.net_bps is None, -(look.net_bps or 0.0)))


def _looks(view: BookView, config: DetectConfig, now_ns: int) -> Iterator[RouteLook]:
    for market in view.markets:
        for found in detect(market, view, now_ns=now_ns, config=config):
            yield _look(found, view, config)


def _look(found: Candidate | Rejected, view: BookView, config: DetectConfig) -> RouteLook:
    route = found.route
    answer = found.reason if isinstance(found, Rejected) else "pays"
    buy, sell = view.book(route.buy.market), view.book(route.sell.market)
    if buy is None or sell is None:
        return RouteLook(route, None, None, None, None, answer)
    factor = factor_of(schedule_of(config.fees, buy.venue), schedule_of(config.fees, sell.venue))
    gross_bps, net_bps = edges_bps(buy.best_ask, sell.best_bid, factor)
    return RouteLook(route, buy.best_ask, sell.best_bid, gross_bps, net_bps, answer)
