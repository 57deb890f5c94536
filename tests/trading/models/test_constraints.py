"""What must never be false in trading's tables: every named constraint is attacked, and none is left out."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models.expressions import RawSQL

from ops.columns import MoneyField
from tests.trading.models.rows import BOOKS, NOW, SOUND, make
from trading.models import (
    BacktestReport,
    Balance,
    EdgeObservation,
    EvaluationCount,
    Execution,
    ExecutionLog,
    Fill,
    FillObservation,
    KeptHour,
    LedgerEntry,
    MarketSnapshot,
    MarketVolatility,
    OfferedEdge,
    OpenEpisode,
    Opportunity,
    Order,
    PriceBar,
    Reconciliation,
    RecordedHour,
    RecordedPage,
    Recording,
    ReferenceFact,
    Run,
    StateEvent,
)

pytestmark = pytest.mark.django_db
MODELS = [model for model in apps.get_app_config("trading").get_models() if model._meta.managed]
HISTORY = (Fill, LedgerEntry, StateEvent, ExecutionLog)
SERIES = (Opportunity, EdgeObservation, MarketSnapshot, MarketVolatility, PriceBar, ExecutionLog)
NAN = RawSQL("'NaN'::numeric", [])

Attack = Callable[[], Any]


def breaks(model: type[Any], **changes: Any) -> Attack:
    return lambda: make(model, **changes)


def repeats(model: type[Any], *columns: str, **changes: Any) -> Attack:
    def attack() -> None:
        first = make(model)
        make(model, **{name: getattr(first, name) for name in columns} | changes)

    return attack


ATTACKS: dict[str, Attack] = {
    **{f"trading_{model._meta.model_name}_mode_is_known": breaks(model, mode="paper") for model in MODELS},
    "balance_is_one_row_per_asset": repeats(Balance, "venue", "asset"),
    "balance_is_a_number": breaks(Balance, amount=NAN),
    "episode_open_once_per_route": repeats(OpenEpisode, "route_key"),
    "edge_observation_is_a_number": breaks(EdgeObservation, net_bps=NAN),
    "evaluation_counted_once_per_hour_and_reason": repeats(EvaluationCount, "hour", "route_key", "stage", "reason"),
    "evaluation_count_is_not_negative": breaks(EvaluationCount, count=-1),
    "execution_once_per_opportunity": repeats(Execution, "opportunity", "opportunity_at"),
    "execution_once_per_reservation": repeats(Execution, "reservation_id"),
    "execution_state_is_known": breaks(Execution, state="lost"),
    "execution_settles_with_a_result": breaks(Execution, settled_at=NOW, state="settled"),
    "execution_money_is_a_number": breaks(Execution, planned_net_quote=NAN),
    "execution_never_overfilled": breaks(Order, filled_quantity=Decimal("1.000000000000000001")),
    "execution_log_money_is_a_number": breaks(ExecutionLog, fees_usd=NAN),
    "fill_amounts_are_numbers": breaks(Fill, fee=NAN),
    "fill_price_and_quantity_are_positive": breaks(Fill, price=Decimal(0)),
    "fill_recorded_once": repeats(Fill, "trade_id"),
    "hour_is_kept_once": repeats(KeptHour, "symbol", "hour"),
    "kept_hour_counts_something": breaks(KeptHour, opportunities=0, executed=0, profitable=0),
    "kept_hour_counts_parts_of_parts": breaks(KeptHour, executed=3),
    "kept_hour_sums_are_numbers": breaks(KeptHour, profit_usd=NAN),
    "ledger_amount_is_a_number": breaks(LedgerEntry, amount=NAN),
    "ledger_entry_is_of_a_fill_or_of_gas": breaks(LedgerEntry, fill=None),
    "observation_book_has_an_instant": breaks(FillObservation, book=BOOKS[0]),
    "opportunity_edges_are_numbers": breaks(Opportunity, gross_edge_bps=NAN),
    "opportunity_profit_is_a_number": breaks(Opportunity, executed=True, profit_usd=NAN),
    "opportunity_profit_needs_execution": breaks(Opportunity, profit_quote=Decimal(1)),
    "opportunity_size_is_positive": breaks(Opportunity, size=Decimal(0)),
    "edge_offered_once_per_hour": repeats(OfferedEdge, "hour", "route_key", "tenth_bps"),
    "offered_edge_is_not_negative": breaks(OfferedEdge, count=-1),
    "page_holds_something": breaks(RecordedPage, updates=0),
    "page_is_written_once": repeats(RecordedPage, "recording", "number"),
    "recorded_hour_is_not_negative": breaks(RecordedHour, updates=-1),
    "hour_recorded_once_per_venue": repeats(RecordedHour, "hour", "venue"),
    "recording_counts_what_was_seen": breaks(Recording, lost=-1),
    "order_client_id_is_unique_at_its_venue": repeats(Order, "client_id"),
    "order_gas_is_a_number": breaks(Order, gas_amount=NAN),
    "order_grid_is_positive": breaks(Order, quantity_step=Decimal(0)),
    "order_intended_once": repeats(Order, "execution", leg=0, attempt=1),
    "order_limit_is_positive": breaks(Order, limit_price=Decimal(-1)),
    "order_quantity_is_positive": breaks(Order, quantity=Decimal(0)),
    "order_side_is_known": breaks(Order, side="hold"),
    "order_state_is_known": breaks(Order, state="lost"),
    "price_bar_extremes_enclose": breaks(PriceBar, close=Decimal(101)),
    "price_bar_is_one_row_per_minute": repeats(PriceBar, "venue", "symbol", "timestamp"),
    "price_bar_prices_positive": breaks(PriceBar, **dict.fromkeys(("open", "high", "low", "close"), Decimal(0))),
    "price_bar_source_is_known": breaks(PriceBar, source="hearsay"),
    "price_bar_volume_is_a_number": breaks(PriceBar, volume=NAN),
    "reconciliation_difference_is_explained": breaks(Reconciliation, differences=1),
    "reference_ends_after_it_begins": breaks(ReferenceFact, valid_until=NOW - timedelta(seconds=1)),
    "reference_kind_is_known": breaks(ReferenceFact, kind="rumour"),
    "reference_one_version_is_in_force": repeats(ReferenceFact, "kind", "subject", version=2),
    "reference_version_is_stated_once": repeats(ReferenceFact, "kind", "subject", "version", valid_until=NOW),
    "run_has_an_id": breaks(Run, run_id=""),
    "run_is_unique_in_its_mode": repeats(Run, "run_id"),
    "snapshot_depths_are_numbers": breaks(MarketSnapshot, bid_depth_usd=NAN),
    "snapshot_prices_positive": breaks(MarketSnapshot, bid=Decimal(0)),
}

# the same rules, broken in another way
OTHER_ATTACKS: list[tuple[str, Attack]] = [
    ("execution_never_overfilled", breaks(Order, filled_quantity=Decimal(-1))),
    ("execution_never_overfilled", breaks(Order, filled_quantity=NAN)),
    ("fill_amounts_are_numbers", breaks(Fill, exact_quote=NAN)),
    ("fill_price_and_quantity_are_positive", breaks(Fill, quantity=Decimal(-1))),
    ("kept_hour_counts_parts_of_parts", breaks(KeptHour, profitable=2)),
    ("kept_hour_counts_something", breaks(KeptHour, profitable=-1)),
    ("ledger_entry_is_of_a_fill_or_of_gas", lambda: make(LedgerEntry, gas_of=make(Order))),
    ("order_gas_is_a_number", breaks(Order, gas_rate=NAN)),
    ("order_gas_is_a_number", breaks(Order, gas_quote=NAN)),
    ("order_grid_is_positive", breaks(Order, price_tick=Decimal(0))),
    ("page_holds_something", breaks(RecordedPage, first_at=NOW + timedelta(seconds=1))),
    ("trading_backtestreport_backtest_id|backtest_reports_backtest_id", repeats(BacktestReport, "backtest")),
    ("price_bar_extremes_enclose", breaks(PriceBar, low=Decimal("100.1"))),
    ("price_bar_extremes_enclose", breaks(PriceBar, open=Decimal(99))),
    ("price_bar_volume_is_a_number", breaks(PriceBar, volume=Decimal(-1))),
    ("snapshot_prices_positive", breaks(MarketSnapshot, ask=Decimal(-1))),
    ("trading_fillobservation_order_id", lambda: repeats(FillObservation, "order")()),
]


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_a_row_that_breaks_the_constraint_is_refused(name):
    with pytest.raises(IntegrityError, match=f'"{name}"|constraint "[^"]*{name}'), transaction.atomic():
        ATTACKS[name]()


@pytest.mark.parametrize(("name", "attack"), OTHER_ATTACKS)
def test_the_constraint_is_kept_against_other_breaches_too(name, attack):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        attack()


def test_no_constraint_of_the_app_is_without_its_attack():
    named = {constraint.name for model in MODELS for constraint in model._meta.constraints}
    assert named == set(ATTACKS)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_sound_row_is_taken(model):
    row = make(model)
    assert model.objects.get(pk=row.pk).scope == row.scope


def test_every_table_has_a_sound_row_to_be_broken():
    assert set(SOUND) == set(MODELS)


MONEY = [(model, field.name) for model in MODELS for field in model._meta.fields if isinstance(field, MoneyField)]


@pytest.mark.parametrize(("model", "column"), MONEY, ids=lambda value: getattr(value, "__name__", value))
def test_no_money_column_takes_what_is_not_a_number(model, column):
    needed = {"executed": True} if column.startswith("profit_quote") else {}
    with pytest.raises(IntegrityError, match="check constraint"), transaction.atomic():
        make(model, **{column: NAN}, **needed)


@pytest.mark.parametrize("model", HISTORY, ids=lambda model: model.__name__)
def test_history_is_neither_changed_nor_deleted(model):
    row = make(model)
    with pytest.raises(IntegrityError, match="is history: rows are only added"), transaction.atomic():
        model.objects.filter(pk=row.pk).update(run_id="another")
    with pytest.raises(IntegrityError, match="is history: rows are only added"), transaction.atomic():
        model.objects.filter(pk=row.pk).delete()
    assert model.objects.filter(pk=row.pk, run_id="").exists()


@pytest.mark.parametrize("model", SERIES, ids=lambda model: model.__name__)
def test_the_database_key_of_a_series_holds_its_time(model):
    with connection.cursor() as cursor:
        key = connection.introspection.get_primary_key_columns(cursor, model._meta.db_table)
    assert key == ["id", "timestamp"]
    row = make(model)
    make(model, pk=row.pk, timestamp=row.timestamp + timedelta(microseconds=1))
    assert model.objects.filter(pk=row.pk).count() == 2


@pytest.mark.parametrize("model", [model for model in MODELS if model not in SERIES], ids=lambda model: model.__name__)
def test_the_database_key_of_a_plain_table_is_its_id(model):
    with connection.cursor() as cursor:
        assert connection.introspection.get_primary_key_columns(cursor, model._meta.db_table) == ["id"]
