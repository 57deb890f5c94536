"""Outcomes: recorded once, with equity and the room they free."""

from decimal import Decimal

import pytest
from django.db import transaction

from domain.errors import BadInput
from risk.models import BreakerEvent, EquityMark, Outcome, Reservation
from risk.services import headroom, record_outcome
from tests.risk.samples import NOW, OTHER, SCOPE, all_at_once, ask, later, report, set_part

pytestmark = pytest.mark.django_db


def test_recording_an_outcome_twice_changes_nothing():
    admitted = ask(1)
    record_outcome(report(1, reservation_id=admitted.reservation_id), scope=SCOPE)
    rows = [list(model.objects.values()) for model in (Outcome, EquityMark, Reservation, BreakerEvent)]

    record_outcome(report(1, reservation_id=admitted.reservation_id, net_usd=Decimal(-99)), scope=SCOPE)

    assert [list(model.objects.values()) for model in (Outcome, EquityMark, Reservation, BreakerEvent)] == rows
    assert Outcome.objects.get().net_usd == 1


@pytest.mark.django_db(transaction=True)
def test_an_outcome_told_by_20_threads_is_recorded_once():
    all_at_once(20, lambda number: record_outcome(report(1), scope=SCOPE))

    assert Outcome.objects.count() == 1
    assert list(EquityMark.objects.order_by("id").values_list("equity_usd", flat=True)) == [10_000, 10_001]


def test_the_same_execution_id_in_another_scope_is_another_execution():
    record_outcome(report(1), scope=SCOPE)
    record_outcome(report(1, net_usd=Decimal(-2)), scope=OTHER)

    assert [row.net_usd for row in Outcome.objects.in_scope(OTHER)] == [Decimal(-2)]
    assert EquityMark.objects.in_scope(OTHER).latest("id").equity_usd == 9_998


def test_equity_that_trading_states_is_its_own_start():
    record_outcome(report(1, equity_usd=Decimal(70), net_usd=Decimal(-2)), scope=SCOPE)
    record_outcome(report(2), scope=SCOPE)

    assert list(EquityMark.objects.order_by("id").values_list("equity_usd", flat=True)) == [72, 70, 71]
    assert BreakerEvent.objects.count() == 0


def test_an_outcome_goes_with_the_transaction_it_is_told_in():
    class Stop(Exception):
        pass

    with pytest.raises(Stop), transaction.atomic():
        record_outcome(report(1), scope=SCOPE)
        raise Stop

    assert Outcome.objects.count() == EquityMark.objects.count() == 0


def test_an_outcome_frees_its_room():
    admitted = ask(1)
    record_outcome(report(1, reservation_id=admitted.reservation_id), scope=SCOPE)

    assert Reservation.objects.get().released_at == later(1)
    room = {line.kind: line for line in headroom(SCOPE, now=later(2))}
    assert room["max_exposure_usd"].used == 0
    assert room["max_exposure_usd"].left == 4000


def test_an_outcome_never_frees_the_room_of_another_scope():
    admitted = ask(1, scope=OTHER)
    record_outcome(report(1, reservation_id=admitted.reservation_id), scope=SCOPE)

    assert Reservation.objects.get().released_at is None


def test_the_daily_loss_stops_admission_until_midnight_utc(settings):
    set_part(settings, "limits", daily_loss_usd=Decimal(50))
    record_outcome(report(1, net_usd=Decimal("-49.5")), scope=SCOPE)

    assert ask(1).reason == "daily_loss_usd"  # 49.5 lost and 1 more at risk
    assert ask(2, worst_loss_usd=Decimal("0.5")).gates
    assert ask(3, now=NOW.replace(day=12, hour=0)).reservation_id


def test_a_profit_earlier_in_the_day_makes_room_for_a_loss(settings):
    set_part(settings, "limits", daily_loss_usd=Decimal(50))
    record_outcome(report(1, net_usd=Decimal(30), gross_usd=Decimal(40)), scope=SCOPE)
    record_outcome(report(2, net_usd=Decimal(-70)), scope=SCOPE)

    room = {line.kind: line for line in headroom(SCOPE, now=later(3))}
    assert (room["daily_loss_usd"].used, room["daily_loss_usd"].left) == (40, 10)


@pytest.mark.parametrize("name", ["net_usd", "gas_usd", "realised_slippage_bps", "equity_usd"])
def test_an_outcome_that_is_not_in_numbers_is_refused_whole(name):
    with pytest.raises(BadInput, match="outcome of execution 1"):
        record_outcome(report(1, **{name: Decimal("NaN")}), scope=SCOPE)
    assert Outcome.objects.count() == 0
