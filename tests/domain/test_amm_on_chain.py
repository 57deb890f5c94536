"""Pool maths against the contracts themselves: real swaps on a local chain, to the last unit."""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple, TypeAlias

import pytest

from domain.amm import v2_amount_in, v2_amount_out
from domain.market import Side
from simulator.chain.account import POSTED_GAS, read_receipt
from simulator.chain.local import LocalChain
from simulator.chain.swaps import Call, Swap, exact_in, exact_out, read_swap

VENUE = "uniswap_v2"
SWAPS = 1000
SWAPS_A_BLOCK = 50  # then the pool is given other reserves


class Reckoned(NamedTuple):
    """One swap, and what the formula says goes in and comes out."""

    call: Call
    amounts: tuple[int, int]


Swapper: TypeAlias = Callable[[LocalChain, Random, Side, dict[str, int]], Reckoned]


def shapes(rng: Random) -> Iterator[tuple[int, int]]:
    """Yield reserves of base and quote, from crumbs to more than any pool ever held."""
    for _ in range(SWAPS // SWAPS_A_BLOCK):
        yield rng.randrange(10**5, 10 ** rng.randint(6, 24)), rng.randrange(10**5, 10 ** rng.randint(6, 24))


def drawn(rng: Random, most: int) -> int:
    """Return an amount of any size up to ``most``: small ones are where a rounding shows."""
    return rng.randint(1, max(most >> rng.randrange(most.bit_length()), 1))


def given(chain: LocalChain, rng: Random, side: Side, reserves: dict[str, int]) -> Reckoned:
    """Return a swap of so much in."""
    amount_in = v2_amount_in(1, **reserves) + drawn(rng, reserves["reserve_in"] // 3)  # a unit at least comes out
    call = exact_in(chain.pools[VENUE], Swap(VENUE, side, amount_in), chain.trader.address)
    return Reckoned(call, (amount_in, v2_amount_out(amount_in, **reserves)))


def wanted(chain: LocalChain, rng: Random, side: Side, reserves: dict[str, int]) -> Reckoned:
    """Return a swap for so much out."""
    amount_out = drawn(rng, reserves["reserve_out"] // 3)
    call = exact_out(chain.pools[VENUE], side, amount_out, chain.trader.address)
    return Reckoned(call, (v2_amount_in(amount_out, **reserves), amount_out))


def enrich(chain: LocalChain) -> None:
    """Give the trader more of both tokens than any swap here takes."""
    pool = chain.pools[VENUE]
    for token in (pool.base, pool.quote):
        chain.rpc("anvil_dealERC20", chain.trader.address, token.address, hex(10**30))


def mined(chain: LocalChain, calls: list[Call]) -> list[tuple[int, int]]:
    """Make all swaps in one block, in their order; return what went in and what came out of each, as the pool says."""
    first = int(chain.rpc("eth_getTransactionCount", chain.trader.address, "latest"), 16)
    requests = [
        chain.trader.request(call.to, call.signature, *call.args)
        | {"gas": hex(POSTED_GAS), "nonce": hex(first + place)}
        for place, call in enumerate(calls)
    ]
    chain.rpc("evm_setAutomine", False)
    try:
        hashes = chain.batch([("eth_sendTransaction", [request]) for request in requests])
        chain.mine()
    finally:
        chain.rpc("evm_setAutomine", True)
    receipts = chain.batch([("eth_getTransactionReceipt", [one]) for one in hashes])
    done = [read_swap(read_receipt(receipt)) for receipt in receipts]
    return [(one.amount_in, one.amount_out) for one in done]


def reckoned(chain: LocalChain, rng: Random, swap: Swapper, held: dict[Side, int]) -> Iterator[Reckoned]:
    """Yield a block of swaps, one after the other; ``held`` is what the pool has of what goes in, by side."""
    for _ in range(SWAPS_A_BLOCK):
        side = rng.choice(list(Side))
        found = swap(chain, rng, side, {"reserve_in": held[side], "reserve_out": held[side.opposite]})
        held[side] += found.amounts[0]
        held[side.opposite] -= found.amounts[1]
        yield found


@pytest.mark.parametrize("swap", [given, wanted])
def test_a_thousand_swaps_on_the_chain_are_what_the_formula_says(chain: LocalChain, swap: Swapper) -> None:
    rng, swaps = Random(7), 0
    enrich(chain)
    for base, quote in shapes(rng):
        chain.set_reserves(VENUE, base, quote)
        held = {Side.SELL: base, Side.BUY: quote}
        expected = list(reckoned(chain, rng, swap, held))
        assert mined(chain, [one.call for one in expected]) == [one.amounts for one in expected]
        assert chain.reserves(VENUE) == (held[Side.SELL], held[Side.BUY])
        swaps += len(expected)
    assert swaps == SWAPS
