"""Admission: what each gate answers, and that two askers never get the same room."""

from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from domain.breakers import BreakerKind
from domain.errors import BadInput
from risk.models import Breaker, Gate, GateState, Limit, LimitKind, Reservation
from risk.services import Admitted, Refusal, admit, halt, may_send, release, set_limit, tick, trip, wind_down
from risk.services.gate import end_wind_down
from tests.risk.samples import NOW, OTHER, SCOPE, all_at_once, ask, ask_to_send, later, request, set_part

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_known", [False, True], ids=["scope_is_new", "scope_is_known"])
def test_of_25_threads_that_admit_one_opportunity_one_wins(is_known):
    if is_known:
        tick(SCOPE, NOW)  # a new scope is kept in order by the making of its gate, a known one by the lock alone

    answers = all_at_once(25, lambda number: ask(7))

    assert [type(answer) for answer in answers].count(Admitted) == 1
    assert {answer.reason for answer in answers if isinstance(answer, Refusal)} == {"already_admitted"}
    assert Reservation.objects.count() == 1
    assert Gate.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "value"),
    [(LimitKind.MAX_OPEN_EXECUTIONS, 1), (LimitKind.MAX_EXPOSURE_USD, 900), (LimitKind.DAILY_LOSS_USD, 1)],
)
def test_of_40_threads_that_admit_against_one_remaining_limit_one_wins(kind, value):
    set_limit(SCOPE, kind, Decimal(value), actor="ann", reason="one trade at a time", now=NOW)

    answers = all_at_once(40, lambda number: ask(number + 1))

    assert [type(answer) for answer in answers].count(Admitted) == 1
    assert {answer.reason for answer in answers if isinstance(answer, Refusal)} == {kind.value}
    assert sum(row.notional_usd for row in Reservation.objects.all()) == 500


def test_admission_reserves_what_was_asked_and_states_every_gate():
    answer = ask(3)

    assert isinstance(answer, Admitted)
    assert answer.size == Decimal("0.01")
    assert not answer.is_probe
    assert [gate.gate for gate in answer.gates] == [
        "stop_file",
        "gate",
        *(f"breaker_{kind}" for kind in sorted(BreakerKind)),
        "max_trade_usd",
        "max_open_executions",
        "max_exposure_usd",
        "daily_loss_usd",
        "already_admitted",
    ]
    assert all(gate.passed for gate in answer.gates)
    row = Reservation.objects.get(pk=answer.reservation_id)
    assert (row.notional_usd, row.worst_loss_usd, row.released_at) == (Decimal(500), Decimal(1), None)


@pytest.mark.django_db(transaction=True)
def test_admission_and_sending_outside_a_transaction_raise():
    with pytest.raises(TransactionManagementError):
        admit(request(), scope=SCOPE, now=NOW)
    with pytest.raises(TransactionManagementError):
        may_send(scope=SCOPE, opening=False, reservation_id=None, now=NOW)
    assert Reservation.objects.count() == 0


def test_admission_takes_six_queries_and_the_gate_lock_is_the_first():
    ask(1)
    with (
        CaptureQueriesContext(
            connection,
        ) as queries,
        transaction.atomic(),
    ):
        admit(request(2), scope=SCOPE, now=NOW)

    spoken = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert "risk_gate" in spoken[0]
    assert spoken[0].endswith("FOR UPDATE")
    assert len(spoken) == 6


def test_a_trade_above_the_largest_is_cut_down_against_us():
    set_limit(SCOPE, LimitKind.MAX_TRADE_USD, Decimal(300), actor="ann", reason="first week", now=NOW)

    answer = ask(1, size=Decimal("0.01"), notional_usd=Decimal(700), worst_loss_usd=Decimal(7))

    row = Reservation.objects.get(pk=answer.reservation_id)
    assert answer.size <= Decimal("0.01") * 3 / 7
    assert answer.size == Decimal("0.004285714285714285")
    assert Decimal("299.99999999999999") < row.notional_usd <= 300
    assert row.worst_loss_usd >= Decimal("2.999999999999999999")


@pytest.mark.parametrize("name", ["size", "notional_usd", "worst_loss_usd"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1"])
def test_a_request_that_is_not_in_numbers_is_named(name, value):
    with pytest.raises(BadInput, match=f"{name} of opportunity 1 is"):
        ask(1, **{name: Decimal(value)})


def test_an_admitted_opportunity_is_never_admitted_again_even_when_released():
    first = ask(1)
    assert release(first.reservation_id, scope=SCOPE, now=later(1))

    again = ask(1, now=later(2))

    assert isinstance(again, Refusal)
    assert again.reason == "already_admitted"
    assert again.detail == "opportunity 1"


def test_releasing_twice_frees_room_once(settings):
    set_limit(SCOPE, LimitKind.MAX_OPEN_EXECUTIONS, Decimal(1), actor="ann", reason="one at a time", now=NOW)
    first = ask(1)
    assert ask(2).reason == "max_open_executions"

    assert release(first.reservation_id, scope=SCOPE, now=later(1)) is True
    assert release(first.reservation_id, scope=SCOPE, now=later(2)) is False

    assert isinstance(ask(2, now=later(3)), Admitted)
    assert Reservation.objects.get(pk=first.reservation_id).released_at == later(1)


def test_scopes_never_share_room_halts_or_breakers():
    set_limit(SCOPE, LimitKind.MAX_OPEN_EXECUTIONS, Decimal(1), actor="ann", reason="one at a time", now=NOW)
    assert isinstance(ask(1), Admitted)
    assert isinstance(ask(1, scope=OTHER), Admitted)
    assert isinstance(ask(2, scope=OTHER), Admitted)

    trip(BreakerKind.DRAWDOWN, scope=OTHER, reason="lost too much", now=NOW)

    assert ask(3, scope=OTHER).reason == "breaker_drawdown"
    assert ask(2).reason == "max_open_executions"
    assert Breaker.objects.in_scope(SCOPE).exclude(state="closed").count() == 0


def test_a_wind_down_lets_closing_orders_alone_pass_until_it_ends():
    admitted = ask(1)
    wind_down(SCOPE, reason="balances are being reconciled", actor="system", now=NOW)

    assert ask(2).reason == "reducing"
    assert ask_to_send(admitted.reservation_id).reason == "reducing"
    assert ask_to_send(admitted.reservation_id, opening=False) is None

    end_wind_down(SCOPE, actor="system", now=later(1))
    assert ask_to_send(admitted.reservation_id) is None


def test_a_wind_down_and_its_end_leave_a_halt_alone():
    halt(reason="stop", actor="ann", now=NOW, scopes=(SCOPE,))
    wind_down(SCOPE, reason="balances", actor="system", now=NOW)
    end_wind_down(SCOPE, actor="system", now=NOW)

    assert Gate.objects.in_scope(SCOPE).get().state == GateState.HALTED


def test_a_breaker_whose_row_is_missing_counts_as_open():
    admitted = ask(1)
    Breaker.objects.in_scope(SCOPE).filter(kind="slippage").delete()

    assert ask(2).reason == "breaker_slippage"
    assert ask_to_send(admitted.reservation_id).reason == "breaker_slippage"


def test_a_limit_row_that_is_missing_falls_back_on_the_environment(settings):
    ask(1)
    Limit.objects.all().delete()
    set_part(settings, "limits", max_open_executions=1)

    assert ask(2).reason == "max_open_executions"


def test_a_breaker_that_trips_between_admission_and_sending_stops_the_send():
    admitted = ask(1)
    assert ask_to_send(admitted.reservation_id) is None

    trip(BreakerKind.WIN_RATE, scope=SCOPE, reason="too few wins", now=NOW)

    refusal = ask_to_send(admitted.reservation_id)
    assert (refusal.reason, refusal.detail) == ("breaker_win_rate", "too few wins")
    assert ask_to_send(admitted.reservation_id, opening=False) is None


def test_a_lowered_limit_stops_the_send_of_what_was_admitted_before():
    admitted = ask(1)
    set_limit(SCOPE, LimitKind.MAX_EXPOSURE_USD, Decimal(499), actor="ann", reason="less", now=NOW)

    assert ask_to_send(admitted.reservation_id).reason == "max_exposure_usd"


@pytest.mark.parametrize("how", ["released", "unknown", "none", "another scope"])
def test_an_opening_order_needs_a_reservation_that_is_held(how):
    admitted = ask(1)
    scope, asked = SCOPE, admitted.reservation_id
    if how == "released":
        release(asked, scope=SCOPE, now=NOW)
    if how == "another scope":
        ask(2, scope=OTHER)
        scope = OTHER
    asked = {"unknown": asked + 1000, "none": None}.get(how, asked)

    assert ask_to_send(asked, scope=scope).reason == "reservation"


@pytest.mark.django_db(transaction=True)
def test_a_send_that_is_being_committed_finishes_before_a_trip_takes_hold():
    admitted = ask(1)

    def act(number: int) -> object:
        if number == 0:
            return trip(BreakerKind.GAS_COST, scope=SCOPE, reason="gas", now=NOW)
        return ask_to_send(admitted.reservation_id)

    answers = all_at_once(12, act)

    assert answers[0] is True
    assert {None if answer is None else answer.reason for answer in answers[1:]} <= {None, "breaker_gas_cost"}
    assert ask_to_send(admitted.reservation_id).reason == "breaker_gas_cost"
