"""Concentrated-liquidity pools: read whole, moved by events, priced."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadMarketData
from simulator.chain.building import UNISWAP_V3
from simulator.chain.local import LocalChain
from tests.trading.venues.evm.rig import ETH_USDC, connected, source_on, table_of, trade
from trading.venues.evm.v3 import Curve, Tick, after, read_curve
from trading.venues.evm.wire import LiquidityMoved, Swapped

SLOT0 = "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)"
TICKS = "ticks(int24)(uint128,int128,uint256,uint256,int56,uint160,uint32,bool)"
SPACING = 10
EMPTY = Curve(2**96, 0, 0, SPACING, {}, {})

places = st.integers(-500, 500).map(lambda place: place * SPACING)
moves = st.builds(
    lambda lower, width, amount: LiquidityMoved(lower, lower + width * SPACING, amount),
    places,
    st.integers(1, 300),
    st.integers(1, 10**12),
)


def set_bits(curve: Curve) -> set[int]:
    return {
        ((position << 8) + bit) * SPACING
        for position, bits in curve.bitmap.items()
        for bit in range(256)
        if bits >> bit & 1
    }


async def test_a_whole_read_is_what_the_contract_says(chain: LocalChain) -> None:
    trade(chain, Random(4), blocks=10)
    pool = next(pool for pool in table_of(chain).pools if pool.venue == UNISWAP_V3)
    async with connected(chain) as rpc:
        curve = await read_curve(rpc, table_of(chain).multicall3, pool, tick_spacing=SPACING, at=await rpc.head())
    assert (curve.sqrt_price_x96, curve.tick) == chain.call(pool.address, SLOT0)[:2]
    assert (curve.liquidity,) == chain.call(pool.address, "liquidity()(uint128)")
    assert curve.ticks
    for place, tick in curve.ticks.items():
        assert chain.call(pool.address, TICKS, place)[:2] == tick
    assert set_bits(curve) == set(curve.ticks)
    assert sum(tick.net for tick in curve.ticks.values()) == 0
    assert sum(tick.net for place, tick in curve.ticks.items() if place <= curve.tick) == curve.liquidity


async def test_the_price_is_quote_per_base_whatever_the_tokens_order(chain: LocalChain) -> None:
    chain.move_price(UNISWAP_V3, 2987.5)
    (state,) = await source_on(chain).v3_snapshot([ETH_USDC])
    assert abs(state.price / Decimal("2987.5") - 1) < Decimal("1e-6")
    assert (state.venue, state.pair) == (UNISWAP_V3, ETH_USDC)


@given(st.lists(moves, max_size=20))
def test_ticks_bitmap_and_liquidity_always_agree(events: list[LiquidityMoved]) -> None:
    curve = EMPTY
    for event in events:
        curve = after(curve, event)
    assert set_bits(curve) == set(curve.ticks)
    assert sum(tick.net for place, tick in curve.ticks.items() if place <= curve.tick) == curve.liquidity


@given(st.lists(moves, max_size=20), st.randoms())
def test_what_is_put_in_and_taken_out_leaves_nothing(events: list[LiquidityMoved], rng: Random) -> None:
    curve = EMPTY
    for event in events:
        curve = after(curve, event)
    out = [LiquidityMoved(event.lower, event.upper, -event.amount) for event in events]
    rng.shuffle(out)
    for event in out:
        curve = after(curve, event)
    assert curve == EMPTY


def test_a_swap_moves_price_tick_and_liquidity_alone() -> None:
    curve = after(EMPTY, LiquidityMoved(-100, 100, 50))
    moved = after(curve, Swapped(2**96 + 5, 7, 3))
    assert (moved.sqrt_price_x96, moved.liquidity, moved.tick) == (2**96 + 5, 7, 3)
    assert (moved.ticks, moved.bitmap) == (curve.ticks, curve.bitmap)
    assert moved.ticks[-100] == Tick(50, 50)
    assert moved.ticks[100] == Tick(50, -50)


@pytest.mark.parametrize(
    "event", [LiquidityMoved(-100, 100, -51), LiquidityMoved(-105, 100, 1), LiquidityMoved(-200, 200, -1)]
)
def test_events_that_cannot_follow_are_torn(event: LiquidityMoved) -> None:
    curve = after(EMPTY, LiquidityMoved(-100, 100, 50))
    with pytest.raises(BadMarketData, match="torn"):
        after(curve, event)
