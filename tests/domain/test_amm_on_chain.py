"""Pool maths against the contracts themselves: real swaps on a local chain, to the last unit."""

from collections.abc import Iterator
from random import Random

import pytest

from domain.amm import v2_amount_in, v2_amount_out
from domain.market import Side
from simulator.chain.local import LocalChain

VENUE = "uniswap_v2"
SWAPS = 1000
SWAPS_PER_SHAPE = 50  # before the pool is given other reserves


def shapes(rng: Random) -> Iterator[tuple[int, int]]:
    """Yield reserves of base and quote, from crumbs to more than any pool ever held."""
    for _ in range(SWAPS // SWAPS_PER_SHAPE):
        yield rng.randrange(10**5, 10 ** rng.randint(6, 24)), rng.randrange(10**5, 10 ** rng.randint(6, 24))


def drawn(rng: Random, most: int) -> int:
    """Return an amount of any size up to ``most``: small ones are where a rounding shows."""
    return rng.randint(1, max(most >> rng.randrange(most.bit_length()), 1))


def enrich(chain: LocalChain) -> None:
    """Give the trader more of both tokens than any swap here takes."""
    pool = chain.pools[VENUE]
    for token in (pool.base, pool.quote):
        chain.rpc("anvil_dealERC20", chain.trader.address, token.address, hex(10**30))


def swap_in(chain: LocalChain, rng: Random, side: Side, into: int, out_of: int) -> tuple[int, int]:
    """Put some in and see that what comes out is as reckoned; return both."""
    given = v2_amount_in(1, reserve_in=into, reserve_out=out_of) + drawn(rng, into // 3)  # a unit at least comes out
    done = chain.swap(VENUE, side, given)
    assert (done.amount_in, done.amount_out) == (given, v2_amount_out(given, reserve_in=into, reserve_out=out_of))
    return done.amount_in, done.amount_out


def swap_out(chain: LocalChain, rng: Random, side: Side, into: int, out_of: int) -> tuple[int, int]:
    """Take some out and see that what goes in is as reckoned; return both."""
    wanted = drawn(rng, out_of // 3)
    done = chain.swap_exact_out(VENUE, side, wanted)
    assert (done.amount_in, done.amount_out) == (v2_amount_in(wanted, reserve_in=into, reserve_out=out_of), wanted)
    return done.amount_in, done.amount_out


@pytest.mark.parametrize("swap", [swap_in, swap_out])
def test_a_thousand_swaps_on_the_chain_are_what_the_formula_says(chain: LocalChain, swap) -> None:
    rng, swaps = Random(7), 0
    enrich(chain)
    for base, quote in shapes(rng):
        chain.set_reserves(VENUE, base, quote)
        held = {Side.SELL: base, Side.BUY: quote}  # of what goes in, by side
        for _ in range(SWAPS_PER_SHAPE):
            side = rng.choice(list(Side))
            given, taken = swap(chain, rng, side, held[side], held[side.opposite])
            held = {side: held[side] + given, side.opposite: held[side.opposite] - taken}
            swaps += 1
        assert chain.reserves(VENUE) == (held[Side.SELL], held[Side.BUY])
    assert swaps == SWAPS
