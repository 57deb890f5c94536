"""What a watch remembers of what it saw: how each route's earlier edges fared, and what gas has cost of late.

It follows from the markets and their instants alone, never from a clock or from rows: the same markets, live or from a
recording, lead to the same memory at the same instant. What lies back counts for less and less.
"""

import math
from dataclasses import dataclass
from typing import Any

from domain.features import RoutePast
from domain.market import PoolState
from domain.timestamps import NS_PER_HOUR, NS_PER_S

EDGE_HALF_LIFE_NS = NS_PER_HOUR
GAS_HALF_LIFE_NS = 600 * NS_PER_S
FORGOTTEN_BELOW = 1e-3  # of an edge: what is left of one after ten half-lives


@dataclass(slots=True)
class _Edges:
    """A route's earlier edges, each with the weight it had at ``at_ns``."""

    at_ns: int
    count: float = 0.0
    paid: float = 0.0
    left_bps: float = 0.0

    def age_to(self, at_ns: int) -> None:
        kept = _kept(at_ns - self.at_ns, EDGE_HALF_LIFE_NS)
        self.at_ns = max(at_ns, self.at_ns)
        self.count, self.paid, self.left_bps = self.count * kept, self.paid * kept, self.left_bps * kept


@dataclass(slots=True)
class _Gas:
    """The price of gas on one chain since ``at_ns``, and its mean until then."""

    at_ns: int
    price_wei: int
    mean_wei: float

    def mean_at(self, at_ns: int) -> float:
        kept = _kept(at_ns - self.at_ns, GAS_HALF_LIFE_NS)
        return self.mean_wei * kept + self.price_wei * (1 - kept)


class Background:
    """One watch's memory, empty at first; fed in the order in which things came to be known."""

    def __init__(self) -> None:
        self._edges: dict[str, _Edges] = {}
        self._gas: dict[int, _Gas] = {}

    def note_edge(self, route_key: str, left_bps: float, *, at_ns: int) -> None:
        """Remember what was found, at ``at_ns``, to be left of an edge of this route at the trading delay."""
        edges = self._edges.setdefault(route_key, _Edges(at_ns))
        edges.age_to(at_ns)
        edges.count += 1
        edges.paid += left_bps > 0
        edges.left_bps += left_bps

    def note_gas(self, pool: PoolState, *, at_ns: int) -> None:
        """Remember what gas costs on the chain of this pool from ``at_ns`` on."""
        known = self._gas.get(pool.chain_id)
        mean_wei = float(pool.gas_price_wei) if known is None else known.mean_at(at_ns)
        self._gas[pool.chain_id] = _Gas(at_ns, pool.gas_price_wei, mean_wei)

    def past_of(self, route_key: str, *, now_ns: int) -> RoutePast:
        """Return how this route's earlier edges fared."""
        edges = self._edges.get(route_key)
        kept = 0.0 if edges is None else _kept(now_ns - edges.at_ns, EDGE_HALF_LIFE_NS)
        if edges is None or edges.count * kept < FORGOTTEN_BELOW:
            return RoutePast(count=0.0)
        return RoutePast(edges.count * kept, edges.paid / edges.count, edges.left_bps / edges.count)

    def gas_trend(self, pool: PoolState, *, now_ns: int) -> float:
        """Return how far the gas price that this pool shows stands above its chain's mean, as a share; else nan."""
        known = self._gas.get(pool.chain_id)
        if known is None:
            return math.nan
        mean_wei = known.mean_at(now_ns)
        return pool.gas_price_wei / mean_wei - 1 if mean_wei > 0 else 0.0

    def state(self) -> dict[str, Any]:
        """Return what ``restore`` needs to go on from here, ready for JSON."""
        return {
            "edges": {key: [one.at_ns, one.count, one.paid, one.left_bps] for key, one in self._edges.items()},
            "gas": {str(chain): [one.at_ns, str(one.price_wei), one.mean_wei] for chain, one in self._gas.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where another one stood."""
        self._edges = {key: _Edges(*told) for key, told in state["edges"].items()}
        self._gas = {
            int(chain): _Gas(at_ns, int(price_wei), mean_wei)
            for chain, (at_ns, price_wei, mean_wei) in state["gas"].items()
        }


def _kept(elapsed_ns: int, half_life_ns: int) -> float:
    return float(0.5 ** (max(elapsed_ns, 0) / half_life_ns))
