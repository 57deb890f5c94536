"""Paper fills: what an immediate-or-cancel order would have taken from one stored book."""

from dataclasses import dataclass
from decimal import Decimal

from domain.book import levels_facing, taken
from domain.costs import FeeSchedule, fee_on
from domain.market import Asset, Book, Side
from domain.money import EXACT


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade at one price, with the fee it paid."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    fee_asset: Asset
    fee: Decimal

    @property
    def quote(self) -> Decimal:
        """Return price times quantity, exactly."""
        return EXACT.multiply(self.price, self.quantity)


def paper_fills(
    book: Book, *, client_id: str, side: Side, quantity: Decimal, limit: Decimal, fee: FeeSchedule
) -> tuple[Fill, ...]:
    """Return one fill for each level that an immediate-or-cancel order takes; empty where none is good enough."""
    levels = taken(levels_facing(book, side), quantity, limit=limit, side=side)
    fills = []
    for number, (price, part) in enumerate(levels, start=1):
        due = fee_on(fee, side=side, quantity=part, quote=EXACT.multiply(price, part))
        asset = book.pair.base if due.asset_is_base else book.pair.quote
        fills.append(Fill(f"{client_id}-{number}", price, part, asset, due.amount))
    return tuple(fills)
