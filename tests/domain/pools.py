"""Pools and the strategies that draw them, for the tests of the domain."""

from hypothesis import strategies as st

from domain.market import Pair, PoolState
from tests.domain.books import NOW_NS

ETH_USDC = Pair.parse("ETH/USDC")
POOL_VENUE = "uniswap_v2"
GWEI = 10**9


def pool(
    venue: str = POOL_VENUE,
    *,
    base_reserve: int = 500 * 10**18,
    quote_reserve: int = 1_000_000 * 10**6,
    decimals: tuple[int, int] = (18, 6),
    fee_pips: int = 3000,
    gas_price_wei: int = 20 * GWEI,
    seen_at_ns: int = NOW_NS,
    pair: Pair = ETH_USDC,
) -> PoolState:
    """Return a pool at its head; 2,000 USDC for an ETH unless told otherwise."""
    return PoolState(
        venue=venue,
        pair=pair,
        chain_id=1,
        address="0x" + "ab" * 20,
        base_reserve=base_reserve,
        quote_reserve=quote_reserve,
        base_decimals=decimals[0],
        quote_decimals=decimals[1],
        fee_pips=fee_pips,
        block=20_000_000,
        block_hash="0x" + "cd" * 32,
        block_at_ns=seen_at_ns,
        gas_price_wei=gas_price_wei,
        venue_at_ns=seen_at_ns,
        seen_at_ns=seen_at_ns,
        seq=1,
    )


def pools() -> st.SearchStrategy[PoolState]:
    """Draw pools of any depth and price, with tokens of few and of many decimals."""
    return st.builds(
        lambda base, quote, decimals, fee: pool(
            base_reserve=base, quote_reserve=quote, decimals=decimals, fee_pips=fee
        ),
        st.integers(1, 10**27),
        st.integers(1, 10**27),
        st.sampled_from([(18, 6), (8, 6), (18, 18), (6, 18), (0, 0)]),
        st.sampled_from([0, 1000, 2000, 3000, 10_000]),
    )
