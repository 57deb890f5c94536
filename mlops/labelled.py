"""One episode and what came of it, as training, validation and comparison take it: a plain value, no row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.features import FeatureVector


@dataclass(frozen=True, slots=True)
class LabelledSample:
    """A stored sample as a value; the labels mean what the row's columns of the same name mean, None is unknown.

    Money is a float here: it is learnt from and averaged, never booked.
    """

    route_key: str
    symbol: str
    timestamp: datetime
    kind: str  # opportunity or near_miss
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
