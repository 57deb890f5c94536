"""The funnel: how often each route was looked at, and which stage and reason ended the look."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction

from domain.detection import Stage
from domain.routes import Route
from domain.scope import Scope
from domain.terms import Rejected
from domain.timestamps import NS_PER_HOUR, from_ns
from ops import metering, metrics
from trading.services.decision import Decision

ROWS_AT_A_TIME = 5_000


class Look(NamedTuple):
    """One line of the funnel."""

    hour: datetime
    route_key: str
    stage: str
    reason: str


class EvaluationCounter:
    """Adds looks up in memory until they are taken to be written."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, int, str, str]] = Counter()
        self._routes: dict[int, Route] = {}

    def add(self, found: Decision | Rejected, *, now_ns: int) -> None:
        """Count one look at a route."""
        if isinstance(found, Rejected):
            route, stage, reason = found.route, found.at_stage, found.reason
        else:
            route, stage, reason = found.candidate.route, Stage.SCORE if found.reason else Stage.PAID, found.reason
        # By the route's identity: its key is spelt out anew each time, and looks come by the ten thousand a second.
        known = id(route)
        self._routes[known] = route
        self._counts[now_ns // NS_PER_HOUR, known, stage, reason] += 1

    def take(self) -> Mapping[Look, int]:
        """Return what was counted since the last call and start from zero."""
        counts, routes, self._counts, self._routes = self._counts, self._routes, Counter(), {}
        keys = {known: route.key for known, route in routes.items()}
        looks: Counter[Look] = Counter()
        for (hour, known, stage, reason), count in counts.items():
            looks[Look(from_ns(hour * NS_PER_HOUR), keys[known], stage, reason)] += count
        return looks


_ADD = """
INSERT INTO trading_evaluationcount (mode, run_id, hour, route_key, stage, reason, count)
SELECT %s, %s, * FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::bigint[])
ON CONFLICT (mode, run_id, hour, route_key, stage, reason)
DO UPDATE SET count = trading_evaluationcount.count + EXCLUDED.count
"""


def record_looks(looks: Mapping[Look, int], *, scope: Scope) -> None:
    """Add counted looks to their rows."""
    add_counts(_ADD, looks, scope=scope)
    for look, count in looks.items():
        metering.add(metrics.EVALUATIONS, look.stage, look.reason, amount=count)


def add_counts(statement: str, counts: Mapping[Any, int], *, scope: Scope) -> None:
    """Execute ``statement`` with mode, run id, an array for each field of the keys, and an array of the counts."""
    # One order of rows for everybody: two processes that add to the same rows never wait for each other in turn.
    rows = [(*key, count) for key, count in sorted(counts.items())]
    with transaction.atomic(), connection.cursor() as cursor:
        for first in range(0, len(rows), ROWS_AT_A_TIME):
            columns = zip(*rows[first : first + ROWS_AT_A_TIME], strict=True)
            cursor.execute(statement, [*scope.columns.values(), *map(list, columns)])
