"""The funnel: how often each route was looked at, and which stage and reason ended the look."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from domain.detection import Rejected, Stage
from domain.scope import Scope
from domain.timestamps import from_ns
from trading.services.decision import Decision

_NS_PER_HOUR = 3_600_000_000_000


class Look(NamedTuple):
    """One line of the funnel."""

    hour: datetime
    route_key: str
    stage: str
    reason: str


class EvaluationCounter:
    """Adds looks up in memory until they are taken to be written."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, str, str, str]] = Counter()

    def add(self, found: Decision | Rejected, *, now_ns: int) -> None:
        """Count one look at a route."""
        hour = now_ns // _NS_PER_HOUR
        if isinstance(found, Rejected):
            self._counts[hour, found.route.key, found.at_stage, found.reason] += 1
        else:
            stage = Stage.SCORE if found.reason else Stage.PAID
            self._counts[hour, found.candidate.route.key, stage, found.reason] += 1

    def take(self) -> Mapping[Look, int]:
        """Return what was counted since the last call and start from zero."""
        counts, self._counts = self._counts, Counter()
        return {Look(from_ns(hour * _NS_PER_HOUR), *rest): count for (hour, *rest), count in counts.items()}


_ADD = """
INSERT INTO trading_evaluationcount (mode, run_id, hour, route_key, stage, reason, count)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (mode, run_id, hour, route_key, stage, reason)
DO UPDATE SET count = trading_evaluationcount.count + EXCLUDED.count
"""


def record_looks(looks: Mapping[Look, int], *, scope: Scope) -> None:
    """Add counted looks to their rows."""
    if not looks:
        return
    mode, run_id = scope.columns.values()
    with transaction.atomic(), connection.cursor() as cursor:
        # One order of rows for everybody: two processes that add to the same rows never wait for each other in turn.
        cursor.executemany(_ADD, [(mode, run_id, *look, count) for look, count in sorted(looks.items())])
