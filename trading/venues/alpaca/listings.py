"""What Alpaca lists, as stated: its assets are told to a key alone, so whoever has none goes by this dated table.

Steps are the finest that the venue takes, nine decimals of price and quantity; a worth of 10 USD is the least of any
order. A key reads the venue's own figures instead.

Source: docs.alpaca.markets, "Crypto Spot Trading" and "Crypto Orders", as of 2026-11.
"""

from decimal import Decimal

from domain.errors import Refused
from domain.market import Pair
from domain.sizing import Lot
from trading.venues.base import AccountView, Listing

AS_OF = "2026-11"
SOURCE = f"docs.alpaca.markets, Crypto Spot Trading, as of {AS_OF}"

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
    """What can be said of Alpaca without a key: its stated listings, and nothing of any account."""

    def listings(self) -> tuple[Listing, ...]:
        """Return the pairs of the dated table."""
        return stated_listings()

    def account(self) -> AccountView:
        """Raise Refused: balances are told to a key."""
        raise Refused("Alpaca's balances need a key: set ALPACA_READ_API_KEY and ALPACA_READ_API_SECRET")
