"""Paper fills: what an immediate-or-cancel order would have taken from one stored book, or a swap from one pool."""

from dataclasses import dataclass
from decimal import Decimal

from domain.book import levels_facing, taken
from domain.costs import FeeSchedule, fee_on
from domain.market import Asset, Book, Market, PoolState, Side
from domain.money import EXACT
from domain.pool_swaps import is_within, swap


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade at one price, with the fee it paid; ``exact_quote`` is set where the price is but an average."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    fee_asset: Asset
    fee: Decimal
    exact_quote: Decimal | None = None

    @property
    def quote(self) -> Decimal:
        """Return what was paid or received, exactly."""
        return EXACT.multiply(self.price, self.quantity) if self.exact_quote is None else self.exact_quote


def paper_fills(
    market: Market, *, client_id: str, side: Side, quantity: Decimal, limit: Decimal, fee: FeeSchedule
) -> tuple[Fill, ...]:
    """Return one fill for each level that an immediate-or-cancel order takes; empty where none is good enough.

    A swap on a pool is one fill of all of it, or, where its average price is worse than the limit, it reverts: none.
    """
    if isinstance(market, PoolState):
        return _swapped(market, client_id, side, quantity, limit, fee)
    return _taken(market, client_id, side, quantity, limit, fee)


def _taken(
    book: Book, client_id: str, side: Side, quantity: Decimal, limit: Decimal, fee: FeeSchedule
) -> tuple[Fill, ...]:
    levels = taken(levels_facing(book, side), quantity, limit=limit, side=side)
    fills = []
    for number, (price, part) in enumerate(levels, start=1):
        due = fee_on(fee, side=side, quantity=part, quote=EXACT.multiply(price, part))
        asset = book.pair.base if due.asset_is_base else book.pair.quote
        fills.append(Fill(f"{client_id}-{number}", price, part, asset, due.amount))
    return tuple(fills)


def _swapped(
    pool: PoolState, client_id: str, side: Side, quantity: Decimal, limit: Decimal, fee: FeeSchedule
) -> tuple[Fill, ...]:
    walk = swap(pool, side, quantity)
    if walk is None or not is_within(limit, walk, side):
        return ()
    due = fee_on(fee, side=side, quantity=walk.quantity, quote=walk.quote)
    asset = pool.pair.base if due.asset_is_base else pool.pair.quote
    return (Fill(f"{client_id}-1", walk.worst_price, walk.quantity, asset, due.amount, exact_quote=walk.quote),)
