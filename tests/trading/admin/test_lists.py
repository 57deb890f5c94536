"""Lists: bounded queries, this process's mode at first, filters that narrow, nothing that changes a row."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ops.admin.base import MOST_ROWS, CappedPaginator
from tests.trading.models.rows import SOUND, make
from trading.models import Execution, LedgerEntry, Opportunity, Order, ReferenceFact, Run

PAGES = sorted(
    (model for model in admin.site._registry if model._meta.app_label == "trading" and model._meta.managed),
    key=lambda model: model.__name__,
)


def address(model, page: str = "changelist", *args) -> str:
    return reverse(f"admin:trading_{model._meta.model_name}_{page}", args=args)


def listed(client, model, **asked) -> list:
    answer = client.get(address(model), asked)
    assert answer.status_code == 200
    return list(answer.context["cl"].result_list)


def queries_of(client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def test_every_table_that_people_ask_about_has_its_page():
    assert {model.__name__ for model in SOUND} - {model.__name__ for model in PAGES} == {
        "EdgeObservation",
        "KeptHour",
        "OpenEpisode",
        "RecordedPage",
    }


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
def test_a_list_asks_no_more_of_thirty_rows_than_of_three(operator, model):
    for _ in range(3):
        make(model)
    queries_of(operator, address(model))  # the first request also reads what stays cached
    few = queries_of(operator, address(model))
    for _ in range(27):
        make(model)
    assert queries_of(operator, address(model)) == few
    assert len(listed(operator, model)) == 30


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
def test_a_list_marks_each_row_with_its_mode(operator, model):
    make(model, mode="sim")
    assert ">sim" in "".join(operator.get(address(model)).content.decode().split()).lower()


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
def test_a_list_begins_with_the_mode_of_this_process_and_shows_others_when_asked(operator, model):
    ours, theirs = make(model, mode="sim"), make(model, mode="replay", run_id="r1")
    assert listed(operator, model) == [ours]
    assert listed(operator, model, mode="replay") == [theirs]
    assert set(listed(operator, model, mode="all")) == {ours, theirs}


def test_the_rows_of_one_run_are_told_from_those_of_none(operator):
    of_run, of_none = make(Opportunity, run_id="r1"), make(Opportunity)
    assert listed(operator, Opportunity) == listed(operator, Opportunity, run="-") == [of_none]
    assert listed(operator, Opportunity, run="r1") == [of_run]
    assert listed(operator, Opportunity, run="all") == [of_none, of_run]
    assert listed(operator, Opportunity, mode="all", run="r1") == [of_run]
    assert ">r1<" in operator.get(address(Opportunity)).content.decode()


def test_of_replays_a_list_begins_with_the_newest_run(operator):
    older, newer = (make(Opportunity, mode="replay", run_id=f"2026110{day}T080000-ab") for day in (1, 2))
    assert listed(operator, Opportunity, mode="replay") == [newer]
    assert listed(operator, Opportunity, mode="replay", run=older.run_id) == [older]
    assert set(listed(operator, Opportunity, mode="replay", run="all")) == {older, newer}


def test_runs_and_reports_are_listed_whatever_their_run(operator):
    runs = {make(Run, run_id=f"r{number}", mode="replay") for number in (1, 2)}
    assert set(listed(operator, Run, mode="replay")) == runs


def test_opportunities_are_filtered_by_either_venue_symbol_reason_and_outcome(operator):
    refused = make(Opportunity, reason="max_open_executions", buy_venue="kraken", symbol="ETH/USD")
    traded = make(Opportunity, executed=True, sell_venue="alpaca")
    assert listed(operator, Opportunity, venue="kraken") == [refused]
    assert listed(operator, Opportunity, venue="alpaca") == [traded]
    assert listed(operator, Opportunity, reason="max_open_executions") == [refused]
    assert listed(operator, Opportunity, symbol="BTC/USD") == [traded]
    assert listed(operator, Opportunity, executed__exact="1") == [traded]


def test_a_filter_offers_what_the_newest_rows_hold_in_words(operator):
    make(Opportunity, reason="max_open_executions")
    assert "max open executions" in operator.get(address(Opportunity)).content.decode()


def test_executions_are_filtered_by_state(operator):
    make(Execution)
    person = make(Execution, state="needs_person")
    assert listed(operator, Execution, state__exact="needs_person") == [person]


def test_the_days_of_opportunities_lead_further(operator):
    make(Opportunity)
    assert listed(operator, Opportunity, timestamp__year=2026, timestamp__month=11, timestamp__day=22)
    assert not listed(operator, Opportunity, timestamp__year=2025)


def test_an_order_leads_to_its_execution_and_a_ledger_line_to_its_fill(operator):
    order, entry = make(Order), make(LedgerEntry)
    assert address(Execution, "change", order.execution_id) in operator.get(address(Order)).content.decode()
    assert address(type(entry.fill), "change", entry.fill_id) in operator.get(address(LedgerEntry)).content.decode()


def test_reasons_are_summed_above_the_counts(operator):
    model = next(page for page in PAGES if page.__name__ == "EvaluationCount")
    for hour in (1, 2):
        make(model, reason="stale", stage="fresh", hour=f"2026-11-22T0{hour}:00:00Z", count=1_000)
    make(model, reason="stale", stage="fresh", mode="replay", count=5)
    assert operator.get(address(model)).context["reasons"].rows == [("fresh", "stale", "2,000")]


def test_an_endless_list_is_counted_no_further_than_its_cap(operator, django_assert_num_queries):
    for _ in range(3):
        make(Opportunity)
    pages = CappedPaginator(Opportunity.objects.all(), 2)
    with CaptureQueriesContext(connection) as queries:
        assert (pages.count, pages.num_pages, pages.is_capped) == (3, 2, False)
    assert f"LIMIT {MOST_ROWS}" in queries[0]["sql"]
    assert 'ORDER BY "arbitrage_opportunities"."timestamp" DESC' in queries[0]["sql"]


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
def test_no_page_adds_changes_or_deletes(operator, model):
    row = make(model)
    assert operator.get(address(model, "add")).status_code == 403
    assert operator.post(address(model, "add"), {"mode": "sim"}).status_code == 403
    assert operator.post(address(model, "change", row.pk), {"mode": "live"}).status_code == 403
    assert operator.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    operator.post(address(model), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    assert model.objects.get(pk=row.pk).mode == "sim"


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
def test_a_stranger_sees_nothing(client, db, model):
    answer = client.get(address(model))
    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


def test_words_of_a_route_are_sought_in_any_order_and_case(operator):
    route = "kraken:ETH/USD>alpaca:ETH/USD"
    wanted = make(Opportunity, route_key=route)
    make(Opportunity)
    make(Opportunity, mode="live", route_key=route)
    assert listed(operator, Opportunity, q="ALPACA eth") == [wanted]
    assert listed(operator, Opportunity, q="eth nowhere") == []
    assert {row.mode for row in listed(operator, Opportunity, q="eth", mode="all")} == {"sim", "live"}


def test_a_number_and_a_correlation_id_name_one_row(operator):
    wanted = make(Opportunity, correlation_id="0b0ff9d2-6a5c-4d7e-9c4e-6f8f3a1d2c3b")
    make(Opportunity)
    assert listed(operator, Opportunity, q=wanted.correlation_id) == [wanted]
    assert listed(operator, Opportunity, q=str(wanted.pk)) == [wanted]
    assert listed(operator, Order, q="9" * 30) == []


def test_an_order_is_found_by_our_id_and_by_the_venues(operator):
    order = make(Order, client_id="ours-1", venue_order_id="THEIRS-1")
    make(Order)
    assert listed(operator, Order, q="ours-1") == listed(operator, Order, q="THEIRS-1") == [order]


def test_a_contract_is_listed_by_the_ends_of_its_address_and_found_by_all_of_it(operator):
    whole, token = "0x" + "aB12" + "0" * 32 + "cD34", "0x" + "1" * 40
    fact = make(ReferenceFact, kind="contract", subject=f"ethereum:{whole}", stated={"kind": "v2", "base": token})
    make(ReferenceFact)
    page = operator.get(address(ReferenceFact)).content.decode()
    assert "ethereum:0xaB12…cD34" in page
    assert "base 0x1111…1111" in page
    assert listed(operator, ReferenceFact, q=f"ethereum:{whole}") == [fact]


def test_what_ended_a_look_is_filtered_by_stage_and_reason(operator):
    model = next(page for page in PAGES if page.__name__ == "EvaluationCount")
    stale = make(model, stage="fresh", reason="stale")
    paid = make(model, stage="paid", reason="")
    assert listed(operator, model, end="fresh:stale") == [stale]
    assert listed(operator, model, end="paid:") == [paid]
    assert "fresh stale" in operator.get(address(model)).content.decode()


def test_a_list_is_sorted_only_by_what_has_an_index(operator):
    low, high = (make(Opportunity, edge_bps=edge, size=3 - edge) for edge in (1, 2))
    names = [getattr(name, "__name__", name) for name in admin.site._registry[Opportunity].list_display]
    edge, size = names.index("edge_bps"), names.index("size")
    assert listed(operator, Opportunity, o=edge) == [low, high]
    assert listed(operator, Opportunity, o=f"-{edge}") == [high, low]
    assert listed(operator, Opportunity, o=size) == listed(operator, Opportunity, o=f"-{size}") == [high, low]


def test_an_hour_of_a_day_is_reached_by_its_dates(operator):
    early = make(Opportunity, timestamp="2026-11-20T05:10:00Z")
    make(Opportunity, timestamp="2026-11-20T06:10:00Z")
    day = {"timestamp__year": 2026, "timestamp__month": 11, "timestamp__day": 20}
    drill = operator.get(address(Opportunity), day).context["drill"]
    assert [step.title for step in drill.inside] == ["05:00", "06:00"]
    answer = operator.get(f"{address(Opportunity)}{drill.inside[0].address}")
    assert list(answer.context["cl"].result_list) == [early]


def test_a_date_that_is_none_is_no_error_of_ours(operator):
    assert operator.get(address(Opportunity), {"timestamp__year": 2026, "timestamp__month": 13}).status_code == 302
    assert operator.get(address(Opportunity), {"timestamp__gte": "soon"}).status_code == 302
