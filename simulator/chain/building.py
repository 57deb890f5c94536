"""Deploys the real contracts on an empty chain, opens the pools, and gives the trader what to trade with."""

from dataclasses import replace
from pathlib import Path

from simulator.chain.abi import checksummed
from simulator.chain.account import FOREVER, Account, call
from simulator.chain.client import NodeClient
from simulator.chain.contracts import bytecode_of, multicall3_bytecode, token_bytecode
from simulator.chain.deployment import Deployment, Pool, PoolKind, Token
from simulator.chain.node import CHAIN_ID
from simulator.chain.pricing import is_base_first, sqrt_price_x96, tick_at

UNLIMITED = 2**256 - 1
ETHER = 10**18
USDC_UNIT = 10**6
V2_FEE_PIPS = 3000
V3_FEE_PIPS = 500
V3_SPACING = 10
NOBODY = "0x" + "00" * 20

UNISWAP_V2 = "uniswap_v2"
SUSHISWAP = "sushiswap"
UNISWAP_V3 = "uniswap_v3_500"

OPENING_PRICE = 3_100
_OPENING_ETHER = {UNISWAP_V2: 2_000, SUSHISWAP: 800}
_POSITIONS = ((0.5, 400), (0.1, 300), (0.02, 150))  # how far either way, and the ether in it
_WEALTH_ETHER = 10_000_000
_WEALTH_USDC = 100_000_000_000

_MINT = "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))"
_ADD_LIQUIDITY = "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)"


def build(client: NodeClient, packages: Path) -> Deployment:
    """Return what was deployed. Raises: Refused if a contract would not have it."""
    owner, trader = (Account(client, address) for address in client.rpc("eth_accounts")[:2])
    weth = Token(owner.deploy(bytecode_of(packages, "WETH9")), "WETH", 18, "ETH")
    usdc = deploy_token(owner, token_bytecode(), name="USD Coin", symbol="USDC", decimals=6, asset="USDC")
    pools = {
        venue: _open_v2(client, owner, packages, venue=venue, weth=weth, usdc=usdc) for venue in (UNISWAP_V2, SUSHISWAP)
    }
    pools[UNISWAP_V3], positions = _create_v3(client, owner, packages, weth=weth, usdc=usdc)
    routers = [pool.router for pool in pools.values()]
    for account in (owner, trader):
        _make_rich(owner, account, weth, usdc)
        for spender in (*routers, positions):
            for token in (weth, usdc):
                account.send(token.address, "approve(address,uint256)", spender, UNLIMITED)
    for venue, ether in _OPENING_ETHER.items():
        add_v2_liquidity(owner, pools[venue], base_amount=ether * ETHER, quote_amount=_worth(ether))
    for width, ether in _POSITIONS:
        _add_position(owner, pools[UNISWAP_V3], positions, width=width, ether=ether)
    return Deployment(CHAIN_ID, owner.deploy(multicall3_bytecode(packages)), weth, positions, pools)


def deploy_token(owner: Account, bytecode: str, *, name: str, symbol: str, decimals: int, asset: str) -> Token:
    """Return a new token that ``owner`` may mint."""
    address = owner.deploy(bytecode, ("string", "string", "uint8"), name, symbol, decimals)
    return Token(address, symbol, decimals, asset)


def create_v2_pool(client: NodeClient, owner: Account, pool: Pool) -> Pool:
    """Return ``pool`` with the address that its factory gives it."""
    tokens = (pool.base.address, pool.quote.address)
    owner.send(pool.factory, "createPair(address,address)", *tokens)
    (address,) = call(client, pool.factory, "getPair(address,address)(address)", *tokens)
    return replace(pool, address=checksummed(address))


def add_v2_liquidity(owner: Account, pool: Pool, *, base_amount: int, quote_amount: int) -> None:
    """Put raw amounts of both tokens into a pool."""
    tokens, amounts = (pool.base.address, pool.quote.address), (base_amount, quote_amount)
    owner.send(pool.router, _ADD_LIQUIDITY, *tokens, *amounts, 0, 0, owner.address, FOREVER)


def _open_v2(client: NodeClient, owner: Account, packages: Path, *, venue: str, weth: Token, usdc: Token) -> Pool:
    factory = owner.deploy(bytecode_of(packages, "UniswapV2Factory"), ("address",), owner.address)
    router = owner.deploy(bytecode_of(packages, "UniswapV2Router02"), ("address", "address"), factory, weth.address)
    return create_v2_pool(client, owner, Pool(venue, PoolKind.V2, factory, router, "", weth, usdc, V2_FEE_PIPS))


def _create_v3(client: NodeClient, owner: Account, packages: Path, *, weth: Token, usdc: Token) -> tuple[Pool, str]:
    """Return the pool, without liquidity, and the manager of its positions."""
    factory = owner.deploy(bytecode_of(packages, "UniswapV3Factory"))
    router = owner.deploy(bytecode_of(packages, "SwapRouter"), ("address", "address"), factory, weth.address)
    positions = owner.deploy(
        bytecode_of(packages, "Positions"), ("address", "address", "address"), factory, weth.address, NOBODY
    )
    tokens = (weth.address, usdc.address)
    owner.send(factory, "createPool(address,address,uint24)", *tokens, V3_FEE_PIPS)
    (address,) = call(client, factory, "getPool(address,address,uint24)(address)", *tokens, V3_FEE_PIPS)
    pool = Pool(UNISWAP_V3, PoolKind.V3, factory, router, checksummed(address), weth, usdc, V3_FEE_PIPS)
    owner.send(pool.address, "initialize(uint160)", sqrt_price_x96(pool, OPENING_PRICE))
    return pool, positions


def _add_position(owner: Account, pool: Pool, positions: str, *, width: float, ether: int) -> None:
    edges = [tick_at(pool, OPENING_PRICE * (1 + sign * width), spacing=V3_SPACING) for sign in (-1, 1)]
    sides = [(pool.base.address, ether * ETHER), (pool.quote.address, _worth(ether))]
    (token0, amount0), (token1, amount1) = sides if is_base_first(pool) else sides[::-1]
    terms = (token0, token1, pool.fee_pips, min(edges), max(edges), amount0, amount1, 0, 0, owner.address, FOREVER)
    owner.send(positions, _MINT, terms)


def _make_rich(owner: Account, account: Account, weth: Token, usdc: Token) -> None:
    account.send(weth.address, "deposit()", value=_WEALTH_ETHER * ETHER)
    owner.send(usdc.address, "mint(address,uint256)", account.address, _WEALTH_USDC * USDC_UNIT)


def _worth(ether: int) -> int:
    return ether * OPENING_PRICE * USDC_UNIT
