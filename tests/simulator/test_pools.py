"""The prices that pools are led to: the market's own, and dislocations that leave the books alone."""

from statistics import mean

import pytest

from domain.errors import BadInput
from domain.market import MarketKey, Pair
from simulator.market import STEP_NS, MarketProcess

SECOND_NS = 10**9
ETH_USDC = Pair.parse("ETH/USDC")
POOLS = (MarketKey("uniswap_v2", ETH_USDC), MarketKey("sushiswap", ETH_USDC))


def gaps_bps(process: MarketProcess, *, steps: int) -> list[list[float]]:
    """Return how far each pool was from Kraken's book, at each step."""
    gaps: list[list[float]] = [[] for _ in POOLS]
    for _ in range(steps):
        process.advance(process.now_ns + STEP_NS)
        book = process.book(MarketKey("kraken", ETH_USDC))
        mid = float(book.best_bid + book.best_ask) / 2
        for pool, seen in zip(POOLS, gaps, strict=True):
            seen.append((process.pool_prices[pool] / mid - 1) * 10_000)
    return gaps


def test_the_books_of_a_seed_are_the_same_with_and_without_pools() -> None:
    alone, beside = MarketProcess(4), MarketProcess(4, pools=POOLS)

    assert alone.advance(20 * SECOND_NS) == beside.advance(20 * SECOND_NS)


def test_a_pool_is_led_the_same_whichever_others_there_are() -> None:
    both, one = MarketProcess(4, pools=POOLS), MarketProcess(4, pools=POOLS[:1])
    for process in (both, one):
        process.advance(30 * SECOND_NS)

    assert one.pool_prices == {POOLS[0]: both.pool_prices[POOLS[0]]}
    assert both.pool_prices[POOLS[0]] != both.pool_prices[POOLS[1]]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pools_stray_far_enough_for_trades_and_come_back(seed: int) -> None:
    gaps = gaps_bps(MarketProcess(seed, ("ETH/USD", "ETH/USDC"), pools=POOLS, incident_at_s=None), steps=900)

    assert max(abs(gap) for pool in gaps for gap in pool) > 110
    assert all(mean(abs(gap) < 60 for gap in pool) > 0.2 for pool in gaps)


def test_a_pool_shows_no_phantoms_while_the_incident_lasts() -> None:
    process = MarketProcess(2, pools=POOLS, incident_at_s=0.0)
    process.advance(5 * SECOND_NS)

    assert all(abs(process.pool_prices[pool] / 3_100 - 1) < 0.003 for pool in POOLS)


def test_a_pool_of_a_pair_that_is_not_simulated_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="uniswap_v2 is a pool of ETH/USDC"):
        MarketProcess(1, ("BTC/USD",), pools=POOLS)
