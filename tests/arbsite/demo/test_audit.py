"""The audit finds what a crash at the wrong moment would leave, and nothing where all is well."""

from dataclasses import replace

from arbsite.demo.audit import Audit, audit
from risk.models import Reservation
from tests.fakes import SIM, book
from tests.trading.services.conftest import Line
from trading.models import Balance, Order

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))
CLEAN = Audit(0, 0, 0, 0, 0, 0)


def settled() -> Line:
    line = Line()
    line.run(line.open(*CROSSED).pk)
    return line


def test_a_settled_run_is_clean(db):
    settled()
    assert audit(SIM) == CLEAN
    assert audit(SIM).is_clean


def test_an_execution_under_way_is_open_and_holds_its_reservation(db):
    line = Line()
    line.open(*CROSSED)
    assert audit(SIM) == replace(CLEAN, open_executions=1, held_reservations=1)
    assert not audit(SIM).is_clean


def test_an_order_that_says_less_than_its_fills_is_found(db):
    settled()
    order = Order.objects.first()
    Order.objects.filter(pk=order.pk).update(filled_quantity=order.filled_quantity / 2)
    assert audit(SIM) == replace(CLEAN, orders_off_their_fills=1)


def test_a_balance_that_is_not_its_ledgers_sum_is_found(db):
    settled()
    Balance.objects.filter(asset="USD").update(amount=7)
    Balance.objects.create(**SIM.columns, venue="c", asset="ETH", amount=1)
    assert audit(SIM) == replace(CLEAN, balances_off_their_ledger=3)


def test_gas_without_its_ledger_lines_is_found(db):
    settled()
    Order.objects.update(gas_asset="ETH", gas_amount=1)
    assert audit(SIM) == replace(CLEAN, gas_not_booked=2)


def test_a_reservation_that_was_never_released_is_found(db):
    settled()
    Reservation.objects.update(released_at=None)
    assert audit(SIM) == replace(CLEAN, held_reservations=1)
