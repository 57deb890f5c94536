"""Real swaps in the pools: the calls that make them, and what the pools said of them."""

from dataclasses import dataclass
from typing import Any

from domain.errors import Refused
from domain.market import Side
from simulator.chain.abi import decode, topic_of
from simulator.chain.account import FOREVER, Receipt, call
from simulator.chain.client import NodeClient
from simulator.chain.deployment import Pool, PoolKind, Token
from simulator.chain.pricing import is_base_first, price_at, sqrt_price_x96, v2_price, v2_swap_to

_EXACT_IN = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
_EXACT_OUT = "swapTokensForExactTokens(uint256,uint256,address[],address,uint256)"
_EXACT_IN_V3 = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
_SLOT0 = "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)"
_V2_SWAP = "Swap(address,uint256,uint256,uint256,uint256,address)"
_V3_SWAP = "Swap(address,address,int256,int256,uint160,uint128,int24)"
_MORE_THAN_ANYONE_HAS = 2**128
_ANYTHING = 10**30


@dataclass(frozen=True, slots=True)
class Swap:
    """One swap: BUY puts quote tokens in and takes base tokens out. Amounts are raw units."""

    venue: str
    side: Side
    amount_in: int


@dataclass(frozen=True, slots=True)
class Swapped:
    """What a swap did, as the pool itself logged it. Amounts are raw units."""

    amount_in: int
    amount_out: int
    gas_used: int
    block_number: int
    tx_hash: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a contract: its address, its signature and its arguments."""

    to: str
    signature: str
    args: tuple[Any, ...]


def exact_in(pool: Pool, swap: Swap, receiver: str, *, sqrt_limit_x96: int = 0) -> Call:
    """Return the call that puts ``swap.amount_in`` in; a V3 pool stops at the limit, if there is one."""
    given, taken = _tokens(pool, swap.side)
    if pool.kind is PoolKind.V2:
        return Call(pool.router, _EXACT_IN, (swap.amount_in, 0, [given.address, taken.address], receiver, FOREVER))
    terms = (given.address, taken.address, pool.fee_pips, receiver, FOREVER, swap.amount_in, 0, sqrt_limit_x96)
    return Call(pool.router, _EXACT_IN_V3, (terms,))


def exact_out(pool: Pool, side: Side, amount_out: int, receiver: str) -> Call:
    """Return the call that takes ``amount_out`` out of a V2 pool, whatever it costs."""
    path = [token.address for token in _tokens(pool, side)]
    return Call(pool.router, _EXACT_OUT, (amount_out, _MORE_THAN_ANYONE_HAS, path, receiver, FOREVER))


def towards(client: NodeClient, pool: Pool, price: float, receiver: str, *, least_bps: float = 0.0) -> Call | None:
    """Return the call that takes ``pool`` to ``price``, or None where it is less than ``least_bps`` away."""
    now = price_of(client, pool)
    if abs(price / now - 1) * 10_000 < max(least_bps, 1e-6):
        return None
    if pool.kind is PoolKind.V2:
        side, amount_in = v2_swap_to(pool, *reserves(client, pool), price)
        return exact_in(pool, Swap(pool.venue, side, amount_in), receiver) if amount_in > 0 else None
    side = Side.BUY if price > now else Side.SELL
    swap = Swap(pool.venue, side, _ANYTHING if side is Side.SELL else _ANYTHING // 10**12)
    return exact_in(pool, swap, receiver, sqrt_limit_x96=sqrt_price_x96(pool, price))


def price_of(client: NodeClient, pool: Pool) -> float:
    """Return quote per base at the margin, before the pool's fee."""
    if pool.kind is PoolKind.V2:
        return v2_price(pool, *reserves(client, pool))
    return price_at(pool, call(client, pool.address, _SLOT0)[0])


def reserves(client: NodeClient, pool: Pool) -> tuple[int, int]:
    """Return the raw reserves of base and quote of a V2 pool."""
    first, second, _ = call(client, pool.address, "getReserves()(uint112,uint112,uint32)")
    return (first, second) if is_base_first(pool) else (second, first)


def read_swap(receipt: Receipt) -> Swapped:
    """Return what the pool logged. Raises: Refused if no pool logged a swap."""
    for log in receipt.logs:
        flows = _flows(log)
        if flows is not None:
            return Swapped(*flows, receipt.gas_used, receipt.block_number, receipt.tx_hash)
    raise Refused(f"transaction {receipt.tx_hash} holds no swap")


def _flows(log: dict[str, Any]) -> tuple[int, int] | None:
    """Return what went in and what came out, or None of a log that is no swap's."""
    topic, data = log["topics"][0], log["data"]
    if topic == topic_of(_V2_SWAP):
        in0, in1, out0, out1 = decode(("uint256",) * 4, data)
        return in0 + in1, out0 + out1
    if topic == topic_of(_V3_SWAP):
        amounts = decode(("int256", "int256", "uint160", "uint128", "int24"), data)[:2]
        return max(amounts), -min(amounts)
    return None


def _tokens(pool: Pool, side: Side) -> tuple[Token, Token]:
    """Return the token that goes in and the one that comes out."""
    return (pool.quote, pool.base) if side is Side.BUY else (pool.base, pool.quote)
