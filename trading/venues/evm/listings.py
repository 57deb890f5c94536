"""What a pool venue lists: the pools of its table, in the tokens' own units."""

from decimal import Decimal

from domain.errors import Refused
from domain.money import COLUMN_STEP
from domain.terms import Lot
from trading.venues.base import AccountView, Listing
from trading.venues.identity import ChainTable, Pool, PoolKind


def listing_of(pool: Pool) -> Listing:
    """Return a pool as a market: any amount down to the tokens' last unit, under the pool's address."""
    base, quote = Decimal(1).scaleb(-pool.base.decimals), Decimal(1).scaleb(-pool.quote.decimals)
    return Listing(pool.pair, Lot(base, base, quote, COLUMN_STEP), pool.address)


class PoolListings:
    """One pool venue, asked about what it trades; it has no account of ours."""

    def __init__(self, venue: str, table: ChainTable) -> None:
        self._venue = venue
        self._table = table

    def listings(self) -> tuple[Listing, ...]:
        """Return every constant-product pool of the venue."""
        return tuple(listing_of(pool) for pool in self._table.pools_of(PoolKind.V2) if pool.venue == self._venue)

    def account(self) -> AccountView:
        """Raise Refused: what a wallet holds is not read yet."""
        raise Refused(f"{self._venue} has no account: a wallet is not read in this version")
