"""Quick pages: bounded queries, and none of them reads a big table from end to end, as the planner itself says."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ops.admin import base
from tests.trading.admin.many import fill_tables, scanned_whole
from trading.admin import series
from trading.models import Execution, Opportunity
from trading.selectors import results

MOST_QUERIES = 30
SHOWN = {"trading", "risk", "ops", "mlops"}
FILTERED = (
    "trading_opportunity_changelist?reason=halted",
    "trading_opportunity_changelist?symbol=ETH/USD",
    "trading_opportunity_changelist?venue=c",
    "trading_opportunity_changelist?executed__exact=1",
    "trading_opportunity_changelist?executed__exact=0",
    "trading_opportunity_changelist?o=5",
    "trading_opportunity_changelist?o=-5",
    "trading_opportunity_changelist?o=4",
    "trading_opportunity_changelist?p=2",
    "trading_opportunity_changelist?q=eth+d",
    "trading_opportunity_changelist?q=c81e728d9d4c2f636f067f89cc14862c",
    "trading_opportunity_changelist?q=17",
    "trading_opportunity_changelist?q=nothing+such",
    "trading_opportunity_changelist?mode=live",
    "trading_opportunity_changelist?mode=all",
    "trading_opportunity_changelist?run=all",
    "trading_execution_changelist?state__exact=needs_person",
    "trading_execution_changelist?o=5",
    "trading_execution_changelist?symbol=ETH/USD",
    "trading_execution_changelist?route=c:ETH/USD%3Ed:ETH/USD",
    "trading_order_changelist?state__exact=checking",
    "trading_order_changelist?role__exact=unwind",
    "trading_order_changelist?q=17",
    "trading_fill_changelist?venue=nowhere",
    "trading_fill_changelist?q=17",
    "trading_ledgerentry_changelist?account=venue:none",
    "trading_ledgerentry_changelist?asset=none",
    "trading_stateevent_changelist?event=timeout",
    "trading_executionlog_changelist?state=unwound",
    "trading_executionlog_changelist?q=17",
    "trading_marketsnapshot_changelist?venue=nowhere",
    "trading_evaluationcount_changelist?end=paid:",
    "trading_evaluationcount_changelist?q=r7",
    "trading_offerededge_changelist?q=r7",
    "mlops_sample_changelist?kind__exact=near_miss",
    "mlops_sample_changelist?symbol=ETH/USD",
    "mlops_sample_changelist?settled_net_usd__isempty=0",
)


def addresses() -> Iterator[str]:
    """Yield the address of every list, filtered list and detail page, and of the pages above them."""
    yield reverse("admin:index")
    for model in admin.site._registry:
        if model._meta.app_label in SHOWN and model._meta.managed:  # an aggregate sums up every row it is asked for
            yield reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for spec in FILTERED:
        name, _, asked = spec.partition("?")
        yield f"{reverse(f'admin:{name}')}?{asked}"
    newest = Opportunity.objects.latest("timestamp")
    yield reverse("admin:trading_opportunity_change", args=[newest.pk])
    yield reverse("admin:trading_execution_change", args=[Execution.objects.latest("pk").pk])
    day = f"timestamp__year={newest.timestamp.year}&timestamp__month={newest.timestamp.month}"
    yield f"{reverse('admin:trading_opportunity_changelist')}?{day}&timestamp__day={newest.timestamp.day}"


def test_no_page_reads_a_big_table_from_end_to_end(operator, monkeypatch):
    for module, name in ((base, "MOST_ROWS"), (results, "MOST_OPPORTUNITIES"), (results, "MOST_COUNTED")):
        monkeypatch.setattr(module, name, 100)  # as small beside these tables as the real one beside millions
    monkeypatch.setattr(series, "MOST_COUNTED", 100)
    monkeypatch.setattr(base.ScopedAdmin, "list_per_page", 10)
    fill_tables()
    slow, busy = {}, {}
    for address in addresses():
        with CaptureQueriesContext(connection) as queries:
            assert operator.get(address).status_code == 200, address
        busy |= {address: len(queries)} if len(queries) > MOST_QUERIES else {}
        scans = {(table, one["sql"]) for one in queries.captured_queries for table in scanned_whole(one["sql"])}
        slow |= {address: scans} if scans else {}
    assert not slow, "\n".join(f"{address}: {table}: {sql}" for address, scans in slow.items() for table, sql in scans)
    assert not busy


@pytest.mark.parametrize("asked", ["notional_usd__gt=5", "books__icontains=a", "correlation_id__icontains=a"])
def test_a_list_may_be_asked_only_for_what_has_an_index(operator, asked):
    assert operator.get(f"{reverse('admin:trading_opportunity_changelist')}?{asked}").status_code == 400
