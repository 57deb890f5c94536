"""The price that each pool on a chain is led to: the fair price, and dislocations of the pool's own."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random

from domain.errors import BadInput
from domain.market import MarketKey
from simulator.dislocations import Dislocations, Temper
from simulator.prices import FairPrices

# A block outlives a phantom, so there are none; gas asks for more than two books' fees do.
POOL_TEMPER = Temper(
    small_every_s=6.0,
    tradable_every_s=14.0,
    tradable_bps=(120.0, 260.0),
    half_life_s=(10.0, 20.0),  # a block must not take away more than a leg may slip
    phantom_every_s=math.inf,
)


class PoolPrices:
    """The prices of the pools; each has a generator of its own, so that none depends on which others there are."""

    def __init__(
        self, pools: Iterable[MarketKey], fair: FairPrices, temper: Temper, *, seed: int, step_s: float
    ) -> None:
        self._fair = fair
        own = replace(POOL_TEMPER, incident_at_s=temper.incident_at_s, incident_for_s=temper.incident_for_s)
        self._dislocations = {
            pool: Dislocations((pool,), own, step_s=step_s, rng=Random(f"{seed}:{pool.venue}:{pool.pair}:pool"))
            for pool in pools
        }
        for pool in self._dislocations:
            if not fair.knows(pool.pair):
                raise BadInput(f"{pool.venue} is a pool of {pool.pair}, which is not among the simulated pairs")

    def step(self, elapsed_s: float) -> None:
        """Move every pool's dislocation by one step."""
        for dislocations in self._dislocations.values():
            dislocations.step(elapsed_s)

    def now(self) -> Mapping[MarketKey, float]:
        """Return quote per base of each pool."""
        return {
            pool: self._fair.of(pool.pair) * (1 + dislocations.of(pool) / 10_000)
            for pool, dislocations in self._dislocations.items()
        }
