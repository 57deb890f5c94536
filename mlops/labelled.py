"""One episode and what came of it, as training, validation and comparison take it: a plain value, no row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.features import FeatureVector

OPPORTUNITY = "opportunity"


@dataclass(frozen=True, slots=True)
class LabelledSample:
    """A stored sample as a value; the labels mean what the row's columns of the same name mean, None is unknown.

    Money is a float here: it is learnt from and averaged, never booked.
    """

    route_key: str
    symbol: str
    timestamp: datetime
    kind: str  # OPPORTUNITY or near_miss
    features: FeatureVector
    net_bps: float
    notional_usd: float
    executed: bool = False
    explored: bool = False
    edge_at_latency_bps: float | None = None
    fillable_share_at_latency: float | None = None
    settled_net_usd: float | None = None
    slippage_bps: float | None = None
    known_at: datetime | None = None
    resolution_s: float = 0.0  # between observations; 0 for live books
    scores: Mapping[str, Any] = field(default_factory=dict)  # what the models said at the decision

    @property
    def is_opportunity(self) -> bool:
        """Whether the rules would have traded it; a near miss they refuse themselves."""
        return self.kind == OPPORTUNITY

    @property
    def planned_usd(self) -> float:
        """Return what it was planned to earn."""
        return self.net_bps * self.notional_usd / 1e4

    @property
    def worth_usd(self) -> float | None:
        """Return what it was worth: settled where it was executed, else what was left after the delay."""
        if self.executed:
            return self.settled_net_usd
        if self.edge_at_latency_bps is None:
            return None
        return self.edge_at_latency_bps * self.notional_usd / 1e4

    @property
    def lost_bps(self) -> float | None:
        """Return how much of the planned edge was gone after the delay."""
        return None if self.edge_at_latency_bps is None else self.net_bps - self.edge_at_latency_bps
