"""The crowd: it fills blocks so that the base fee wanders and stays."""

from random import Random
from statistics import mean

from simulator.chain.crowd import LEVEL_WEI, Crowd

GAS_LIMIT = 3_000_000


def next_base_fee(base_fee_wei: int, gas_used: int) -> int:
    """As EIP-1559 has it."""
    target = GAS_LIMIT // 2
    change = base_fee_wei * abs(gas_used - target) // target // 8
    return base_fee_wei + max(1, change) if gas_used > target else base_fee_wei - change


def test_the_base_fee_wanders_around_its_level():
    crowd, fees = Crowd(Random(3), gas_limit=GAS_LIMIT), [LEVEL_WEI]
    for block in range(5_000):
        ours = 120_000 * (block % 4)
        fees.append(next_base_fee(fees[-1], ours + crowd.gas_beside(ours, base_fee_wei=fees[-1])))

    assert 0.7 * LEVEL_WEI < mean(fees) < 1.4 * LEVEL_WEI
    assert LEVEL_WEI / 5 < min(fees) < max(fees) < LEVEL_WEI * 5
    assert len(set(fees)) > 4_900


def test_a_fee_far_off_comes_back_as_fast_as_the_protocol_allows():
    crowd = Crowd(Random(3), gas_limit=GAS_LIMIT)

    assert crowd.gas_beside(0, base_fee_wei=100 * LEVEL_WEI) < GAS_LIMIT // 4
    assert crowd.gas_beside(0, base_fee_wei=LEVEL_WEI // 100) > GAS_LIMIT * 3 // 4


def test_a_block_that_is_full_without_the_crowd_gets_nothing_more():
    assert Crowd(Random(3), gas_limit=GAS_LIMIT).gas_beside(GAS_LIMIT, base_fee_wei=LEVEL_WEI) == 0
