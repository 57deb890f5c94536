"""Detail pages: a decision can be explained from what is on them."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils.html import strip_tags

from ops.admin import figures
from tests.fakes import ETH_USDC, MS, NOW_NS, POOL_VENUE, SIM, book, pool, pool_config
from tests.trading.models.rows import BOOKS, NOW, make
from tests.trading.services.backtest.reports import REPORT
from tests.trading.services.conftest import Line
from trading.models import (
    BacktestReport,
    EdgeObservation,
    Execution,
    FillObservation,
    Opportunity,
    Order,
    RecordedPage,
    Recording,
    Run,
)
from trading.services.backtest.page import page_of

PAGES = sorted(
    (model for model in admin.site._registry if model._meta.app_label == "trading" and model._meta.managed),
    key=lambda model: model.__name__,
)


def text_of(client, row) -> str:
    """Return the page's words, one space between them."""
    address = reverse(f"admin:trading_{row._meta.model_name}_change", args=[row.pk])
    answer = client.get(address)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", strip_tags(answer.content.decode()).replace("\N{NO-BREAK SPACE}", " "))


@pytest.fixture
def settled(db) -> Execution:
    line = Line()
    execution = line.open(book("a", "99.9", "100"), book("b", "101", "101.1"))
    line.run(execution.pk)
    return Execution.objects.get(pk=execution.pk)


@pytest.fixture
def reverted(db) -> Execution:
    line, state = Line(config=pool_config()), pool(price="2050")
    execution = line.open(book("a", "1999", "2000", quantity="30", pair=ETH_USDC), state)
    line.step(execution.pk)
    line.clock.advance(400)
    line.observe(pool(price="1990", block=state.block + 1, at_ns=NOW_NS + 400 * MS, seq=2))
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe()
    line.step(execution.pk)
    return Execution.objects.get(pk=execution.pk)


@pytest.fixture
def unwound(db) -> Execution:
    line = Line()
    execution = line.open(book("a", "99.9", "100"), book("b", "101", "101.1"))
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe(book("b", "99.8", "99.9"))
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe()
    line.step(execution.pk)
    return Execution.objects.get(pk=execution.pk)


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
def test_every_detail_page_opens_and_says_mode_and_run(operator, model):
    assert "sim/r9" in text_of(operator, make(model, run_id="r9"))


def test_an_opportunity_shows_books_costs_gates_scores_features_and_its_execution(operator, settled):
    text = text_of(operator, settled.opportunity)
    for shown in (
        "BTC/USD a → b",
        "a BTC/USD: we buy",
        "b BTC/USD: we sell",
        "Seen 0 ms before, message 1",
        "fee 0.1 USD $0.10",
        "max open executions passed 1 of",
        "No model judged it: there is no champion. The rules decided.",
        "Buy depth share 1",
        "Volatility 1h unknown",
        f"Execution {settled.pk}, settled",
        "80.0 bps" if settled.opportunity.edge_bps == 80 else figures.bps(settled.opportunity.edge_bps),
    ):
        assert shown in text


def test_an_opportunity_shows_how_its_edge_decayed_in_its_own_run_alone(operator, db):
    opportunity = make(Opportunity)
    for offset_ms, net_bps in ((500, None), (100, Decimal("12.34"))):
        make(EdgeObservation, opportunity_id=opportunity.pk, offset_ms=offset_ms, net_bps=net_bps, size=Decimal(2))
    make(EdgeObservation, opportunity_id=opportunity.pk, offset_ms=250, run_id="another")
    assert "100 ms 12.3 2 500 ms – 2" in text_of(operator, opportunity)


def test_a_refused_opportunity_says_which_gate_refused_and_why(operator, db):
    gates = [{"gate": "max_exposure_usd", "passed": False, "detail": "4999 of 4000"}]
    text = text_of(operator, make(Opportunity, gates=gates, reason="max_exposure_usd"))
    assert "max exposure usd refused 4999 of 4000" in text
    assert "Why not max exposure usd" in text


def test_the_levels_that_the_size_takes_are_marked(operator, db):
    levels = [["200", "0.4"], ["201", "0.4"], ["202", "0.4"], ["203", "0.4"]]
    row = make(Opportunity, size=Decimal(1), books=[BOOKS[0] | {"asks": levels}, BOOKS[1]])
    page = operator.get(reverse("admin:trading_opportunity_change", args=[row.pk])).content.decode()
    marked = re.findall(r'text-green-700 dark:text-green-400">([\d.]+)<', page)
    assert [price for price in marked if price.startswith("20")] == ["200", "201", "202"]


def test_an_execution_shows_legs_fills_events_ledger_and_a_waterfall_that_closes(operator, settled):
    text = text_of(operator, settled)
    assert f"gross {figures.exact(settled.gross_quote)}" in text
    for name in ("fees", "gas", "slippage", "unwind"):
        assert f"− {name} {figures.exact(getattr(settled, f'{name}_quote'))}" in text
    assert f"= net {figures.exact(settled.net_quote)}" in text
    for shown in ("reserved running", "sell on b fill open filled", "legs closed flat", "venue:a USD", "fees:b USD"):
        assert shown in text
    for order in settled.orders.all():
        assert (
            reverse("admin:trading_order_change", args=[order.pk])
            in operator.get(reverse("admin:trading_execution_change", args=[settled.pk])).content.decode()
        )


def test_an_unwound_execution_says_why_and_what_the_unwinding_lost(operator, unwound):
    text = text_of(operator, unwound)
    assert "unwinding" in text
    assert "b: limit not reached" in text
    assert f"− unwind {figures.exact(unwound.unwind_quote)}" in text


def test_an_execution_under_way_has_no_waterfall_yet(operator, db):
    text = text_of(operator, make(Execution))
    assert "It has not ended yet." in text
    assert "Nothing was filled." in text


def test_an_execution_whose_opportunity_was_thinned_out_is_still_shown(operator, db):
    row = make(Execution)
    Opportunity.objects.filter(pk=row.opportunity_id, timestamp=row.opportunity_at).delete()
    assert f"Opportunity {row.opportunity_id}" in text_of(operator, row)


def test_an_execution_asks_no_more_for_many_fills_than_for_few(operator, unwound, django_assert_max_num_queries):
    address = reverse("admin:trading_execution_change", args=[unwound.pk])
    operator.get(address)
    with django_assert_max_num_queries(14):
        operator.get(address)


def test_an_order_shows_the_book_it_met(operator, settled):
    order = settled.orders.get(leg=0)
    text = text_of(operator, order)
    assert "a BTC/USD: we buy" in text
    assert order.client_id in text
    observation = FillObservation.objects.get(order=order)
    assert "a BTC/USD: we buy" in text_of(operator, observation)


def test_an_observation_that_never_came_is_shown_without_a_book(operator, db):
    observation = make(FillObservation)
    assert "Observed at –" in text_of(operator, observation)
    assert Order.objects.get() == observation.order


def test_a_run_shows_settings_digest_and_its_summary_as_tables(operator, db):
    run = make(
        Run,
        digest="ab" * 32,
        settings={"spread_bps": "2", "files": ["a.csv", "b.csv"]},
        summary={
            "total": {"opportunities": 3, "executions": 2, "pnl_usd": -1.5},
            "per_day": {
                "2023-03-11": {"opportunities": 3, "pnl_usd": -1.5},
                "2023-03-01": {"opportunities": 0, "pnl_usd": 0},
            },
            "refused_by_stage": {"cost": {"below_threshold": 9}, "fresh": {"no_book": 4}},
            "errors": [{"process": "beat", "text": "gone"}],
        },
        ended_at=NOW,
    )
    text = text_of(operator, run)
    for shown in (
        "ab" * 32,
        "Spread bps 2",
        "a.csv",
        "2023-03-01 0 0 2023-03-11 3 -1.5",
        "cost below threshold 9 fresh no book 4",
        "Process Text 1 beat gone",
    ):
        assert shown in text
    listing = operator.get(reverse("admin:trading_run_changelist")).content.decode()
    assert "3 opportunities, 2 executions, -$1.50" in listing


def test_what_a_venue_sent_is_never_taken_for_markup(operator, db):
    row = make(Opportunity, reason="<script>alert(1)</script>", run_id=SIM.run_id)
    page = operator.get(reverse("admin:trading_opportunity_change", args=[row.pk])).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_recording_shows_its_terms_its_pages_and_whether_it_runs(operator, db):
    running = make(Recording, heartbeat_at=datetime.now(UTC), pages=1, updates=3, terms={"linger_ms": 250})
    make(RecordedPage, recording=running, number=1, updates=3, payload=b"x" * 60)
    text = text_of(operator, running)
    for shown in ("State running", "Linger ms 250", "Bytes per book 20"):
        assert shown in text
    assert "broken off" in text_of(operator, make(Recording))
    assert "State ended" in text_of(operator, make(Recording, ended_at=NOW))
    assert "broken off" in operator.get(reverse("admin:trading_recording_changelist")).content.decode()


def test_a_report_is_shown_as_the_page_that_the_backtest_writes(operator, db):
    report = make(BacktestReport, figures=REPORT.as_json())
    page = operator.get(reverse("admin:trading_backtestreport_change", args=[report.pk])).content.decode()
    (shown,) = re.findall(r'srcdoc="([^"]*)"', page)
    assert unescape(shown) == page_of(REPORT)


def test_a_report_that_cannot_be_read_says_so(operator, db):
    assert "cannot be read, run the backtest again" in text_of(operator, make(BacktestReport, figures={"total": 1}))


def test_a_list_of_reports_shows_what_each_came_to_and_leads_to_its_run(operator, db):
    report = make(BacktestReport, figures=REPORT.as_json())
    page = operator.get(reverse("admin:trading_backtestreport_changelist")).content.decode()
    assert reverse("admin:trading_run_change", args=[report.backtest_id]) in page
    for figure in ("$1.49", "$0.35", "$2.50", "$4.35"):
        assert figure in page


def test_an_opportunity_with_a_pool_shows_its_block_its_reserves_and_the_planned_gas(admin_client, reverted):
    text = text_of(admin_client, reverted.opportunity)
    assert "uniswap_v2 ETH/USDC, a pool: we sell" in text
    assert "ETH held 500" in text
    assert "USDC held 1025000" in text
    assert "block 20,000,000" in text
    assert "gas price 1 gwei" in text
    assert "an order book and a pool" in text
    assert "gas 0.00015 ETH" in text
    assert "age at sending passed" in text


def test_a_reverted_swap_shows_its_gas_with_the_order_the_waterfall_and_the_ledger(admin_client, reverted):
    text = text_of(admin_client, reverted)
    swap = reverted.orders.get(venue="uniswap_v2")
    assert "0.00015 ETH cancelled" in text
    assert "reverted" in text
    assert f"− gas {figures.exact(reverted.gas_quote)} what a chain took" in text
    assert f"gas of order {swap.pk} gas:uniswap_v2 ETH 0.00015" in text
    order = text_of(admin_client, swap)
    assert "block 20,000,001" in order


def test_lists_of_orders_and_ledger_lines_show_gas(admin_client, reverted):
    orders = admin_client.get(reverse("admin:trading_order_changelist") + "?mode=sim&run=test").content.decode()
    assert "0.00015 ETH" in orders
    lines = admin_client.get(reverse("admin:trading_ledgerentry_changelist") + "?mode=sim&run=test")
    assert f"gas:{POOL_VENUE}" in lines.content.decode()
