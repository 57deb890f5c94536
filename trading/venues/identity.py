"""The one reviewed table of what is the same thing where: exchange codes, tokens and pools by chain id and address.

A token is its chain id and address, never its symbol: anybody may call a token USDC. ``asset`` says what a token stands
for here. A wrapped native coin stands for the coin, which its contract gives back one for one; USDC.e, which a bridge
issued, is not USDC, which Circle issues.

Reviewed 2026-11-22. Every pool was held against its factory's own rule for addresses (tests/trading/venues), and each
is held against the chain again before it is used: code, tokens, factory, fee, decimals.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from domain.market import Asset, Pair

KRAKEN_CODES: Mapping[str, str] = {  # docs.kraken.com, REST Assets; a code that is not here is the asset's own name
    **{f"X{code}": code for code in ("ETH", "LTC", "XRP", "XLM", "XMR", "ZEC", "ETC", "REP", "MLN")},
    **{f"Z{code}": code for code in ("USD", "EUR", "GBP", "JPY", "CAD", "AUD")},
    "XXBT": "BTC",
    "XBT": "BTC",
    "XXDG": "DOGE",
    "XDG": "DOGE",
}
KRAKEN_REST_CODES: Mapping[str, str] = {"BTC": "XBT", "DOGE": "XDG"}
KRAKEN_ORIGIN = "kraken"
ALPACA_ORIGIN = "alpaca"
ALPACA_FEEDS: Mapping[str, str] = {"us": ALPACA_ORIGIN, "us-1": KRAKEN_ORIGIN}  # whose books each feed shows
# Alpaca writes BTC/USD as we do (docs.alpaca.markets, Crypto Spot Trading and Real-time Crypto Data).


class PoolKind(StrEnum):
    """What kind of contract a pool is."""

    V2 = "v2"
    V3 = "v3"


class Problem(NamedTuple):
    """Something in a table that cannot be used: the reason as it is counted, and one sentence that names it."""

    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 contract and the asset that it stands for; addresses are checksummed."""

    chain_id: int
    address: str
    symbol: str
    decimals: int
    asset: str
    source: str


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool; as a market its prices are in ``quote`` per ``base``, whatever order the contract keeps them in."""

    venue: str
    kind: PoolKind
    factory: str
    address: str
    base: Token
    quote: Token
    fee_pips: int
    source: str
    router: str | None = None
    pair: Pair = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pair", Pair(Asset(self.base.asset), Asset(self.quote.asset)))

    @property
    def base_is_token0(self) -> bool:
        """Whether the contract calls the base its token0: it orders the two by address."""
        return int(self.base.address, 16) < int(self.quote.address, 16)

    def __str__(self) -> str:
        return f"{self.venue} {self.pair}"


@dataclass(frozen=True, slots=True)
class ChainTable:
    """What is known of one chain; ``problems`` are the entries that were left out, and why."""

    chain_id: int
    multicall3: str
    native: str  # the asset that gas is paid in
    wrapped_native: str
    tokens: tuple[Token, ...]
    pools: tuple[Pool, ...]
    problems: tuple[Problem, ...] = ()

    def pools_of(self, kind: PoolKind) -> tuple[Pool, ...]:
        """Return the pools of one kind."""
        return tuple(pool for pool in self.pools if pool.kind is kind)


class _Exchange(NamedTuple):
    venue: str
    kind: PoolKind
    factory: str
    fee_pips: int
    source: str
    router: str | None = None


_MULTICALL3 = "0xcA11bde05977b3631167028862bE2a173976CA11"  # multicall3.com, Deployments: one address on every chain
_V3_FACTORY = "0x1F98431c8aD98523631AE4a59f267346ea31F984"  # on both chains
_V2_DOCS = "docs.uniswap.org, V2 Factory and Router02"
_V3_DOCS = "docs.uniswap.org, V3 deployments"
_SUSHI_DOCS = "docs.sushi.com, V2 deployments"

_ETHEREUM = 1
_WETH = Token(_ETHEREUM, "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "WETH", 18, "ETH", "weth.io and Router02.WETH()")
_USDC = Token(
    _ETHEREUM, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USDC", 6, "USDC", "developers.circle.com, addresses"
)
_USDT = Token(_ETHEREUM, "0xdAC17F958D2ee523a2206206994597C13D831ec7", "USDT", 6, "USDT", "tether.to, protocols")
_DAI = Token(_ETHEREUM, "0x6B175474E89094C44Da98b954EedeAC495271d0F", "DAI", 18, "DAI", "chainlog.sky.money, MCD_DAI")

_UNISWAP_V2 = _Exchange(
    "uniswap_v2",
    PoolKind.V2,
    "0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f",
    3000,
    _V2_DOCS,
    "0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D",
)
_SUSHISWAP = _Exchange(
    "sushiswap",
    PoolKind.V2,
    "0xC0AEe478e3658e2610c5F7A4A2E1777cE9e4f2Ac",
    3000,
    _SUSHI_DOCS,
    "0xd9e1cE17f2641f24aE83637ab66a2cca9C378B9F",
)
_UNISWAP_V3_500 = _Exchange("uniswap_v3_500", PoolKind.V3, _V3_FACTORY, 500, _V3_DOCS)
_UNISWAP_V3_3000 = _Exchange("uniswap_v3_3000", PoolKind.V3, _V3_FACTORY, 3000, _V3_DOCS)

POLYGON = 137
_WPOL = Token(
    POLYGON, "0x0d500B1d8E8eF31E21C99d1Db9A6444d3ADf1270", "WPOL", 18, "POL", "docs.polygon.technology; once WMATIC"
)
_POLYGON_WETH = Token(
    POLYGON,
    "0x7ceB23fD6bC0adD59E62ac25578270cFf1b9f619",
    "WETH",
    18,
    "ETH",  # given back one for one by Polygon's own PoS bridge
    "docs.polygon.technology, PoS mapped tokens",
)
_POLYGON_USDC = Token(
    POLYGON, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USDC", 6, "USDC", "developers.circle.com, addresses"
)
_POLYGON_USDC_E = Token(
    POLYGON,
    "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174",
    "USDC.e",
    6,
    "USDC.e",  # Polygon's bridge owes it, not Circle
    "developers.circle.com, bridged USDC on Polygon PoS",
)

_QUICKSWAP_V2 = _Exchange(
    "quickswap_v2",
    PoolKind.V2,
    "0x5757371414417b8C6CAad45bAeF941aBc7d3Ab32",
    3000,
    "docs.quickswap.exchange, V2 Factory and Router02",
    "0xa5E0829CaCEd8fFDD4De3c43696c57F7D7A678ff",
)
_SUSHISWAP_POLYGON = _Exchange(
    "sushiswap_polygon",
    PoolKind.V2,
    "0xc35DADB65012eC5796536bD9864eD8773aBc74C4",
    3000,
    _SUSHI_DOCS,
    "0x1b02dA8Cb0d097eB8D57A175b88c7D8b47997506",
)
_UNISWAP_V3_500_POLYGON = _Exchange("uniswap_v3_500_polygon", PoolKind.V3, _V3_FACTORY, 500, _V3_DOCS)


def _pool(exchange: _Exchange, address: str, base: Token, quote: Token) -> Pool:
    return Pool(
        exchange.venue,
        exchange.kind,
        exchange.factory,
        address,
        base,
        quote,
        exchange.fee_pips,
        f"{exchange.source}; the factory's getPair or getPool",
        exchange.router,
    )


MAINNETS: Mapping[int, ChainTable] = {
    _ETHEREUM: ChainTable(
        _ETHEREUM,
        _MULTICALL3,
        "ETH",
        _WETH.address,
        (_WETH, _USDC, _USDT, _DAI),
        (
            _pool(_UNISWAP_V2, "0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc", _WETH, _USDC),
            _pool(_UNISWAP_V2, "0x0d4a11d5EEaaC28EC3F61d100daF4d40471f1852", _WETH, _USDT),
            _pool(_UNISWAP_V2, "0xA478c2975Ab1Ea89e8196811F51A7B7Ade33eB11", _WETH, _DAI),
            _pool(_SUSHISWAP, "0x397FF1542f962076d0BFE58eA045FfA2d347ACa0", _WETH, _USDC),
            _pool(_SUSHISWAP, "0x06da0fd433C1A5d7a4faa01111c044910A184553", _WETH, _USDT),
            _pool(_SUSHISWAP, "0xC3D03e4F041Fd4cD388c549Ee2A29a9E5075882f", _WETH, _DAI),
            _pool(_UNISWAP_V3_500, "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640", _WETH, _USDC),
            _pool(_UNISWAP_V3_500, "0x11b815efB8f581194ae79006d24E0d814B7697F6", _WETH, _USDT),
            _pool(_UNISWAP_V3_3000, "0x8ad599c3A0ff1De082011EFDDc58f1908eb6e6D8", _WETH, _USDC),
        ),
    ),
    POLYGON: ChainTable(
        POLYGON,
        _MULTICALL3,
        "POL",
        _WPOL.address,
        (_WPOL, _POLYGON_WETH, _POLYGON_USDC, _POLYGON_USDC_E),
        (
            _pool(_QUICKSWAP_V2, "0x7bAF833f82BB1971f99A5a5d84bED1d5D0dEDD70", _POLYGON_WETH, _POLYGON_USDC),
            _pool(_QUICKSWAP_V2, "0x853Ee4b2A13f8a742d64C8F088bE7bA2131f670d", _POLYGON_WETH, _POLYGON_USDC_E),
            _pool(_QUICKSWAP_V2, "0x6D9e8dbB2779853db00418D4DcF96F3987CFC9D2", _WPOL, _POLYGON_USDC),
            _pool(_QUICKSWAP_V2, "0x6e7a5FAFcec6BB1e78bAE2A1F0B612012BF14827", _WPOL, _POLYGON_USDC_E),
            _pool(_SUSHISWAP_POLYGON, "0x34965ba0ac2451A34a0471F04CCa3F990b8dea27", _POLYGON_WETH, _POLYGON_USDC_E),
            _pool(_SUSHISWAP_POLYGON, "0xcd353F79d9FADe311fC3119B841e1f456b54e858", _WPOL, _POLYGON_USDC_E),
            _pool(_UNISWAP_V3_500_POLYGON, "0xA4D8c89f0c20efbe54cBa9e7e7a7E509056228D9", _POLYGON_WETH, _POLYGON_USDC),
        ),
    ),
}
