"""How crowded the chain is: blocks filled so that the base fee of EIP-1559 wanders around a level."""

import math
from random import Random

LEVEL_WEI = 2 * 10**9
_WANDER = 0.05  # of the fee's logarithm, per block
_PULL = 0.03
_LARGEST_STEP = 1 / 8  # what EIP-1559 lets the fee change from block to block
_LEAST_GAS = 60_000


class Crowd:
    """What all the others do on the chain, as the gas that they use."""

    def __init__(self, rng: Random, *, gas_limit: int) -> None:
        self._rng = rng
        self._target = gas_limit // 2
        self._most = gas_limit * 9 // 10

    def gas_beside(self, gas: int, *, base_fee_wei: int) -> int:
        """Return the gas that, beside ``gas`` used by us, makes the base fee move on; 0 where the block is full."""
        drift = self._rng.gauss(0.0, _WANDER) - _PULL * math.log(base_fee_wei / LEVEL_WEI)
        step = max(-_LARGEST_STEP, min(_LARGEST_STEP, math.expm1(drift)))
        theirs = min(self._most, int(self._target * (1 + step / _LARGEST_STEP))) - gas
        return theirs if theirs >= _LEAST_GAS else 0
