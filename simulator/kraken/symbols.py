"""How Kraken names assets and pairs: XXBT and ZUSD on REST, BTC and USD on WebSocket v2."""

from dataclasses import dataclass

from domain.market import Pair

ASSETS = {"BTC": "XXBT", "ETH": "XETH", "LTC": "XLTC", "DOGE": "XXDG", "USD": "ZUSD"}
ALTNAMES = {"BTC": "XBT", "DOGE": "XDG"}
ASSET_DECIMALS = {"USD": 4, "USDC": 8, "BTC": 10, "ETH": 10, "LTC": 10, "DOGE": 8}
OLD_STYLE = frozenset({"BTC", "ETH", "LTC"})  # their USD pairs carry both prefixes: XXBTZUSD


@dataclass(frozen=True, slots=True)
class PairNames:
    """Every name of one pair."""

    pair: Pair
    rest_id: str
    altname: str
    wsname: str

    @property
    def all(self) -> tuple[str, ...]:
        """Return each name that a request may use."""
        return (self.rest_id, self.altname, self.wsname, self.pair.symbol)


def asset_id(symbol: str) -> str:
    """Return the REST name of an asset: ``XXBT`` for ``BTC``."""
    return ASSETS.get(symbol, symbol)


def altname(symbol: str) -> str:
    """Return the common name of an asset on REST: ``XBT`` for ``BTC``."""
    return ALTNAMES.get(symbol, symbol)


def asset_decimals(symbol: str) -> int:
    """Return how many decimals Kraken keeps of an asset."""
    return ASSET_DECIMALS.get(symbol, 8)


def names_of(pair: Pair) -> PairNames:
    """Return every name of ``pair``."""
    base, quote = pair.base.symbol, pair.quote.symbol
    common = altname(base) + altname(quote)
    old_style = base in OLD_STYLE and quote == "USD"
    rest_id = asset_id(base) + asset_id(quote) if old_style else common
    return PairNames(pair, rest_id, common, f"{altname(base)}/{altname(quote)}")
