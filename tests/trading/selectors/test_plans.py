"""What the verdict and ``why`` read of big tables, they find by an index: no read walks through a whole table."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from domain.costs import entry_tier
from tests.trading.models.rows import make
from tests.trading.selectors.test_verdict import SCOPE, SETTINGS, offer, trade
from trading.models import Run
from trading.selectors.offered import covered
from trading.selectors.story import story_of
from trading.selectors.terms import HOUR, Span
from trading.selectors.verdict import verdict_of
from trading.selectors.why import why_of

pytestmark = pytest.mark.django_db

BIG = ("arbitrage_opportunities", "edge_observations", "offered_edges", "trading_evaluationcount", "trading_execution")


def plans_of(queries) -> list[str]:
    """Return how the server would answer each read if it had a choice of indexes alone."""
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan TO off")
        for query in queries:
            if query["sql"].lstrip().startswith(("SELECT", "WITH")):
                cursor.execute(f"EXPLAIN {query['sql']}")
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
    return plans


def test_every_read_of_a_big_table_has_an_index():
    make(Run, **SCOPE.columns, settings=SETTINGS)
    offer(1, {10: 50, 900: 3})
    opened = trade(1, 0)
    hours = covered(SCOPE)
    assert hours is not None
    with CaptureQueriesContext(connection) as captured:
        span = Span(hours[0], hours[1] + HOUR)
        verdict_of(SCOPE, span, fees_of=entry_tier)
        why_of(SCOPE, span, fees_of=entry_tier)
        story_of(SCOPE, opened.pk)
    plans = plans_of(captured.captured_queries)
    assert len(plans) >= 10
    for plan in plans:
        for table in BIG:
            assert f"Seq Scan on {table}" not in plan, plan
