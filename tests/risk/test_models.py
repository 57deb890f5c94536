"""Every constraint of risk's tables, attacked: what must never be false cannot be stored."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from domain.scope import Mode
from risk.models import Breaker, BreakerEvent, EquityMark, Gate, Limit, Outcome, Reservation
from tests.risk.samples import NOW, later

pytestmark = pytest.mark.django_db

MODE = {"mode": "sim", "run_id": ""}
SOUND = {
    Gate: {**MODE, "state": "active", "changed_at": NOW, "actor": "ann"},
    Breaker: {**MODE, "kind": "win_rate"},
    BreakerEvent: {
        **MODE,
        "kind": "win_rate",
        "before": "closed",
        "after": "open",
        "happened_at": NOW,
        "actor": "system",
        "reason": "too few wins",
    },
    Limit: {**MODE, "kind": "max_trade_usd", "value": Decimal(1), "changed_at": NOW, "actor": "ann"},
    Reservation: {
        **MODE,
        "opportunity_id": 1,
        "route_key": "r",
        "symbol": "BTC/USD",
        "size": Decimal(1),
        "notional_usd": Decimal(1),
        "worst_loss_usd": Decimal(0),
        "created_at": NOW,
    },
    Outcome: {
        **MODE,
        "execution_id": 1,
        "settled_at": NOW,
        "net_usd": Decimal(1),
        "gross_usd": Decimal(1),
        "fees_usd": Decimal(0),
        "gas_usd": Decimal(0),
        "notional_usd": Decimal(1),
        "executed": True,
        "both_legs_as_planned": True,
        "unwound": False,
    },
    EquityMark: {**MODE, "timestamp": NOW, "equity_usd": Decimal(1)},
}
OPEN = {"state": "open", "opened_at": NOW, "cool_until": later(1), "reason": "r"}


@pytest.mark.parametrize(
    ("model", "name", "changes"),
    [
        (Gate, "gate_state_is_known", {"state": "ajar", "reason": "r"}),
        (Gate, "closed_gate_states_its_reason", {"state": "halted"}),
        (Gate, "risk_gate_mode_is_known", {"mode": "fun"}),
        (Breaker, "breaker_kind_is_known", {"kind": "mood"}),
        (Breaker, "breaker_state_is_known", OPEN | {"state": "ajar"}),
        (Breaker, "tripped_breaker_states_when_and_why", OPEN | {"reason": ""}),
        (Breaker, "tripped_breaker_states_when_and_why", OPEN | {"opened_at": None}),
        (Breaker, "open_breaker_states_when_it_cools", OPEN | {"cool_until": None}),
        (Breaker, "only_a_half_open_breaker_has_probes", {"probes_left": 1}),
        (Breaker, "only_a_half_open_breaker_has_probes", OPEN | {"probes_won": 1}),
        (Breaker, "risk_breaker_mode_is_known", {"mode": "fun"}),
        (BreakerEvent, "breaker_event_kind_is_known", {"kind": "mood"}),
        (BreakerEvent, "breaker_event_states_its_reason", {"reason": ""}),
        (BreakerEvent, "risk_breakerevent_mode_is_known", {"mode": "fun"}),
        (Limit, "limit_kind_is_known", {"kind": "max_fun"}),
        (Limit, "limit_is_a_positive_number", {"value": Decimal(0)}),
        (Limit, "limit_is_a_positive_number", {"value": Decimal(-1)}),
        (Limit, "risk_limit_mode_is_known", {"mode": "fun"}),
        (Reservation, "reservation_is_of_a_positive_size", {"size": Decimal(0)}),
        (Reservation, "reservation_is_of_a_positive_size", {"notional_usd": Decimal(-1)}),
        (Reservation, "reservation_worst_loss_is_a_number_from_zero", {"worst_loss_usd": Decimal(-1)}),
        (Reservation, "reservation_is_released_after_it_was_made", {"released_at": later(-1)}),
        (Reservation, "risk_reservation_mode_is_known", {"mode": "fun"}),
        (Outcome, "outcome_gas_and_notional_are_from_zero", {"gas_usd": Decimal(-1)}),
        (Outcome, "outcome_gas_and_notional_are_from_zero", {"notional_usd": Decimal(-1)}),
        (Outcome, "unexecuted_outcome_earned_nothing", {"executed": False}),
        (Outcome, "unexecuted_outcome_earned_nothing", {"executed": False, "net_usd": Decimal(0)}),
        (Outcome, "risk_outcome_mode_is_known", {"mode": "fun"}),
        (EquityMark, "risk_equitymark_mode_is_known", {"mode": "fun"}),
    ],
)
def test_a_row_that_breaks_its_constraint_is_refused(model, name, changes):
    with pytest.raises(IntegrityError, match=f'"{name}"'):
        model.objects.create(**SOUND[model] | changes)


@pytest.mark.parametrize(
    ("model", "name", "columns"),
    [
        (Breaker, "breaker_value_and_threshold_are_numbers", ["value", "threshold"]),
        (Limit, "limit_is_a_positive_number", ["value"]),
        (Reservation, "reservation_is_of_a_positive_size", ["size", "notional_usd"]),
        (Reservation, "reservation_worst_loss_is_a_number_from_zero", ["worst_loss_usd"]),
    ],
)
def test_nan_is_refused_in_rows_that_change(model, name, columns):
    row = model.objects.create(**SOUND[model])
    for column in columns:
        with pytest.raises(IntegrityError, match=f'"{name}"'), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {model._meta.db_table} SET {column} = 'NaN' WHERE id = %s", [row.pk])


@pytest.mark.parametrize(
    ("model", "name", "columns"),
    [
        (BreakerEvent, "breaker_event_holds_numbers", ["value", "threshold"]),
        (
            Outcome,
            "outcome_holds_numbers",
            [
                "net_usd",
                "gross_usd",
                "fees_usd",
                "gas_usd",
                "notional_usd",
                "predicted_slippage_bps",
                "realised_slippage_bps",
            ],
        ),
        (EquityMark, "equity_is_a_number", ["equity_usd"]),
    ],
)
def test_nan_is_refused_in_history(model, name, columns):
    table = model._meta.db_table
    for column in columns:
        with pytest.raises(IntegrityError, match=f'"{name}"'), transaction.atomic():
            insert_raw(table, SOUND[model] | {column: "NaN"})


def insert_raw(table, values):
    """Insert past Django, which refuses NaN itself."""
    defaults = {"probe": False} if table == "risk_outcome" else {}
    row = defaults | values
    with connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(row))
        cursor.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", list(row.values()))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Gate, "scope_has_one_gate"),
        (Breaker, "scope_has_one_breaker_of_a_kind"),
        (Limit, "scope_has_one_limit_of_a_kind"),
        (Reservation, "opportunity_is_admitted_once_per_scope"),
        (Outcome, "execution_has_one_outcome_per_scope"),
    ],
)
def test_a_second_row_of_the_same_name_is_refused_within_a_scope_alone(model, name):
    model.objects.create(**SOUND[model])
    model.objects.create(**SOUND[model] | {"mode": "replay", "run_id": "run-1"})
    with pytest.raises(IntegrityError, match=f'"{name}"'):
        model.objects.create(**SOUND[model])


@pytest.mark.parametrize("model", [BreakerEvent, Outcome, EquityMark])
@pytest.mark.parametrize("deed", ["update", "delete"])
def test_history_is_neither_changed_nor_deleted(model, deed):
    model.objects.create(**SOUND[model])
    with pytest.raises(IntegrityError, match="is history"), transaction.atomic():
        if deed == "update":
            model.objects.update(mode="replay")
        else:
            model.objects.all().delete()
    assert model.objects.in_mode(Mode.SIM).count() == 1
