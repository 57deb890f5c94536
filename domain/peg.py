"""The peg of a quote: how far what markets pay for it stands from the rate in US dollars that it is valued at."""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from domain.book import staleness
from domain.market import Asset, Market
from domain.money import to_float
from domain.routes import MarketView, Route

USD = "USD"


def depeg_bps(
    route: Route,
    markets: Sequence[Market],
    view: MarketView,
    *,
    quote_usd: Mapping[str, Decimal],
    now_ns: int,
    max_age_ms: int,
) -> float:
    """Return how far the route's quote stands above its stated rate; 0 for US dollars, nan where nobody shows it.

    Its own market in US dollars tells; else the base's price in US dollars against that on the route's ``markets``.
    """
    base, quote = route.buy.pair.base, route.buy.pair.quote
    if quote.symbol == USD:
        return 0.0
    stated = to_float(quote_usd.get(quote.symbol, Decimal(0)))
    implied = _in_usd(quote, view, now_ns, max_age_ms)
    if implied is None and (price := _in_usd(base, view, now_ns, max_age_ms)) is not None:
        implied = price / _mean(map(_middle, markets))
    return math.nan if implied is None or stated <= 0 else (implied / stated - 1) * 1e4


def _in_usd(asset: Asset, view: MarketView, now_ns: int, max_age_ms: int) -> float | None:
    """Return the mean of the middles of the fresh markets of an asset in US dollars; None where there is none."""
    books = (view.book(key) for key in view.priced(asset) if key.pair.quote.symbol == USD)
    fresh = [
        _middle(book)
        for book in books
        if book is not None and book.bids and book.asks and not staleness(book, now_ns=now_ns, max_age_ms=max_age_ms)
    ]
    return _mean(fresh) if fresh else None


def _middle(market: Market) -> float:
    return (to_float(market.best_bid) + to_float(market.best_ask)) / 2


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)
