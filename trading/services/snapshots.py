"""Snapshots: the best prices and the depth of markets at an instant, appended in bulk."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain.money import ZERO
from domain.scope import Scope
from ops.bulk import append_rows
from trading.models import MarketSnapshot


class Snapshot(NamedTuple):
    """One market at one instant."""

    timestamp: datetime
    venue: str
    symbol: str
    bid: Decimal
    ask: Decimal
    bid_depth_usd: Decimal = ZERO
    ask_depth_usd: Decimal = ZERO


def append_snapshots(scope: Scope, snapshots: Iterable[Snapshot]) -> int:
    """Write the snapshots and return how many there were."""
    columns = scope.columns
    rows = ((*columns.values(), *snapshot) for snapshot in snapshots)
    return append_rows(MarketSnapshot, (*columns, *Snapshot._fields), rows)
