"""What Alpaca lists, as stated: its assets are told to a key alone, so whoever has none goes by this dated table.

Steps are the finest that the venue takes, nine decimals of price and quantity; a worth of 10 USD is the least of any
order. A key reads the venue's own figures instead.

Source: docs.alpaca.markets, "Crypto Spot Trading" and "Crypto Orders", as of 2026-11.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from domain.errors import Refused
from domain.market import Pair
from domain.terms import Lot
from trading.venues.alpaca.latest import served
from trading.venues.base import AccountView, Listing
from trading.venues.rest import rest_client

_TIMEOUT_S = 10.0
_STEP = Decimal("1e-9")
_LEAST_WORTH = {
    "USD": Decimal(10),
    "USDC": Decimal(10),
    "USDT": Decimal(10),
    "BTC": Decimal("0.0002"),
}
_BASES = {
    "USD": "AAVE AVAX BAT BCH BTC CRV DOGE DOT ETH GRT LINK LTC MKR PEPE SHIB SOL SUSHI UNI USDC USDT XRP XTZ YFI",
    "USDC": "AAVE AVAX BAT BCH BTC CRV DOGE DOT ETH GRT LINK LTC MKR SHIB SUSHI UNI XTZ YFI",
    "USDT": "AAVE BCH BTC DOGE ETH LINK LTC SUSHI UNI YFI",
    "BTC": "BCH ETH LTC UNI",
}


def stated_listings() -> tuple[Listing, ...]:
    """Return every pair of the table."""
    return tuple(
        Listing(Pair.parse(f"{base}/{quote}"), Lot(_STEP, _STEP, _LEAST_WORTH[quote], _STEP), f"{base}/{quote}")
        for quote, bases in _BASES.items()
        for base in bases.split()
    )


class KeylessAlpaca:
    """What can be said of Alpaca without a key: which pairs of the table it serves, and nothing of any account."""

    def __init__(self, data_url: str, pairs: Sequence[Pair]) -> None:
        self._data_url = data_url
        self._pairs = frozenset(pairs)

    def listings(self) -> tuple[Listing, ...]:
        """Return those of the wanted pairs that the dated table names and whose books are served.

        Raises: Refused, Unreachable.
        """
        stated = {one.pair: one for one in stated_listings() if one.pair in self._pairs}
        return tuple(stated[pair] for pair in asyncio.run(self._served(tuple(stated))))

    def account(self) -> AccountView:
        """Raise Refused: balances are told to a key."""
        raise Refused("Alpaca's balances need a key: set ALPACA_READ_API_KEY and ALPACA_READ_API_SECRET")

    async def _served(self, pairs: Sequence[Pair]) -> tuple[Pair, ...]:
        async with rest_client(self._data_url, timeout_s=_TIMEOUT_S, headers={}) as client:
            return await served(client, pairs)
