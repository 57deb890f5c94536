"""The pages of aggregates: read like any other, and filters that ask no view."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ops.series import is_continuous
from tests.trading.models.rows import make
from trading.models import DailyProfitability, HourlyPerformance, Opportunity

AT = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
PAGES = (HourlyPerformance, DailyProfitability)


def address(model, page: str = "changelist", *args) -> str:
    return reverse(f"admin:trading_{model._meta.model_name}_{page}", args=args)


def listed(client, model, **asked) -> list:
    answer = client.get(address(model), asked)
    assert answer.status_code == 200
    return list(answer.context["cl"].result_list)


@pytest.mark.parametrize("model", PAGES)
def test_a_list_shows_this_modes_rows_newest_first_and_others_when_asked(operator, model):
    first = make(Opportunity, timestamp=AT)
    second = make(Opportunity, timestamp=AT + timedelta(days=1))
    make(Opportunity, timestamp=AT, mode="live")
    replayed = make(Opportunity, timestamp=AT, mode="replay", run_id="r1")
    assert [row.pk for row in listed(operator, model)] == [second.pk, first.pk]
    assert [row.pk for row in listed(operator, model, mode="replay")] == [replayed.pk]
    assert len(listed(operator, model, mode="all")) == 4


def test_hours_are_filtered_by_symbol_and_by_date(operator):
    make(Opportunity, timestamp=AT)
    ether = make(Opportunity, timestamp=AT, symbol="ETH/USD")
    later = make(Opportunity, timestamp=AT + timedelta(hours=1), symbol="ETH/USD")
    assert {row.pk for row in listed(operator, HourlyPerformance, symbol="ETH/USD")} == {ether.pk, later.pk}
    hour = {"hour__gte": f"{AT:%Y-%m-%dT%H:%MZ}", "hour__lt": f"{AT + timedelta(hours=1):%Y-%m-%dT%H:%MZ}"}
    assert [row.pk for row in listed(operator, HourlyPerformance, symbol="ETH/USD", **hour)] == [ether.pk]


@pytest.mark.parametrize("model", PAGES)
def test_a_row_has_its_page_and_is_never_changed(operator, model):
    row = make(Opportunity, timestamp=AT, executed=True, profitable=True)
    answer = operator.get(address(model, "change", row.pk))
    assert answer.status_code == 200
    assert operator.get(address(model, "add")).status_code == 403
    assert operator.post(address(model, "change", row.pk), {"mode": "live"}).status_code == 403
    assert operator.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    export = operator.get(address(model, "export"))
    assert b"win_rate" in b"".join(export.streaming_content)


@pytest.mark.parametrize("model", PAGES)
def test_a_plain_view_is_summed_up_no_more_than_a_list_needs(operator, model):
    make(Opportunity, timestamp=AT)
    with CaptureQueriesContext(connection) as queries:
        assert listed(operator, model)
    sums = [one for one in queries.captured_queries if f'FROM "{model._meta.db_table}"' in one["sql"]]
    assert is_continuous(connection, model._meta.db_table) or len(sums) <= 2
