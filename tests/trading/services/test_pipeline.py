from decimal import Decimal

import pytest

from domain.breakers import BreakerKind
from domain.execution import ExecutionState
from domain.ledger import Entry, imbalance
from domain.market import Asset
from domain.timestamps import from_ns
from mlops.models import Sample
from ops.models import Alert
from risk.models import Outcome, Reservation
from risk.services import Refusal, trip
from tests.fakes import SIM, book
from trading.models import (
    Balance,
    Execution,
    ExecutionLog,
    LedgerEntry,
    OpenEpisode,
    Opportunity,
    Order,
    StateEvent,
)
from trading.services import observing

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))


def test_a_crossed_market_becomes_one_decision_with_its_costs(line):
    (decision,) = line.decisions(*CROSSED)
    assert decision.candidate.route.key == "a:BTC/USD>b:BTC/USD"
    assert decision.candidate.net_bps < decision.candidate.gross_bps
    assert decision.reason == ""


def test_a_market_that_does_not_pay_after_fees_is_no_decision(line):
    assert line.decisions(book("a", "99.9", "100"), book("b", "100.1", "100.2")) == []


def test_commit_writes_opportunity_sample_reservation_and_two_planned_orders(line):
    execution = line.open(*CROSSED)
    assert execution.state == ExecutionState.RESERVED
    assert [order.side for order in execution.orders.all()] == ["buy", "sell"]
    assert Sample.objects.get().opportunity_id == execution.opportunity_id
    assert Reservation.objects.get(pk=execution.reservation_id).released_at is None
    assert line.dispatch.drain() == [("trading.execution_step", execution.pk)]


def test_the_same_episode_is_committed_once_whoever_saw_it(line):
    (decision,) = line.decisions(*CROSSED)
    line.commit(decision)
    assert line.commit(decision) == Refusal("episode_open")
    assert Opportunity.objects.count() == Execution.objects.count() == OpenEpisode.objects.count() == 1


def test_an_execution_settles_on_the_books_seen_after_the_delay(line):
    execution = line.open(*CROSSED)
    assert line.step(execution.pk) == ExecutionState.RUNNING
    line.clock.advance(250)
    line.observe()
    assert line.step(execution.pk) == ExecutionState.SETTLED

    execution.refresh_from_db()
    opportunity = Opportunity.objects.get()
    assert execution.net_usd == execution.planned_net_quote == opportunity.profit_usd
    assert (opportunity.executed, opportunity.profitable) == (True, True)
    assert Outcome.objects.get().net_usd == execution.net_usd
    assert Reservation.objects.get().released_at is not None
    assert ExecutionLog.objects.get().success


def test_profit_and_loss_closes_to_the_last_digit(line):
    execution = line.open(*CROSSED)
    line.run(execution.pk)
    execution.refresh_from_db()
    costs = execution.fees_quote + execution.gas_quote + execution.slippage_quote + execution.unwind_quote
    assert execution.gross_quote - costs == execution.net_quote
    assert sum(balance.amount for balance in Balance.objects.filter(asset="USD")) == execution.net_quote
    entries = [Entry(row.account, Asset(row.asset), row.amount) for row in LedgerEntry.objects.all()]
    assert entries
    assert imbalance(entries) == {}


def test_a_ledger_that_its_fills_do_not_explain_is_an_alarm(line):
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    line.clock.advance(250)
    (first, _) = observing.pending_requests(SIM)
    observing.store_book(first, line.view.book(first.market), at_ns=line.clock.now_ns(), dispatch=line.dispatch)
    line.step(execution.pk)
    rogue = LedgerEntry.objects.get(account="fees:a")
    rogue.pk, rogue.account = None, "venue:a"
    rogue.save(force_insert=True)
    line.observe()
    assert line.step(execution.pk) == ExecutionState.SETTLED
    assert Alert.objects.get(key=f"remainder:{execution.pk}").level == "error"


def test_a_second_step_of_an_ended_execution_changes_nothing(line):
    execution = line.open(*CROSSED)
    line.run(execution.pk)
    events = StateEvent.objects.count()
    assert line.step(execution.pk) == ExecutionState.SETTLED
    assert StateEvent.objects.count() == events


def test_a_missed_leg_is_unwound_at_a_loss_that_is_booked(line):
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe(book("b", "99.8", "99.9"))  # the buyer is gone: the sale's limit is not reached
    assert line.step(execution.pk) == ExecutionState.UNWINDING
    line.clock.advance(250)
    line.observe()
    assert line.step(execution.pk) == ExecutionState.UNWOUND

    execution.refresh_from_db()
    assert execution.net_usd < 0
    assert execution.unwind_quote > 0
    assert Balance.objects.get(venue="a", asset="BTC").amount == 0
    assert Outcome.objects.get().unwound


def test_both_legs_missed_settle_with_nothing_executed(line):
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe(book("a", "110", "111"), book("b", "90", "91"))
    assert line.step(execution.pk) == ExecutionState.SETTLED
    opportunity = Opportunity.objects.get()
    assert (opportunity.executed, opportunity.profitable, opportunity.profit_usd) == (False, None, None)
    assert "limit_not_reached" in opportunity.reason


def test_a_book_that_nobody_stored_in_time_fills_nothing(line):
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    line.clock.advance(5_400)
    assert line.step(execution.pk) == ExecutionState.SETTLED
    assert {order.reason for order in Order.objects.all()} == {"not_observed"}


def test_an_unwinding_that_never_fills_ends_with_a_person_told_the_exposure(line):
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe(book("b", "90", "91"))
    line.step(execution.pk)
    for _ in range(3):
        line.clock.advance(6_000)
        line.step(execution.pk)
    execution.refresh_from_db()
    assert execution.state == ExecutionState.NEEDS_PERSON
    assert "BTC open" in execution.reason
    opportunity = Opportunity.objects.get()
    assert (opportunity.executed, opportunity.profitable, opportunity.reason) == (True, None, "needs_person")


def test_an_open_breaker_refuses_admission_and_the_reason_is_kept(line):
    trip(BreakerKind.WIN_RATE, scope=SIM, reason="test", now=from_ns(line.clock.now_ns()))
    (decision,) = line.decisions(*CROSSED)
    assert line.commit(decision).reason == "breaker_win_rate"
    assert Opportunity.objects.get().reason == "breaker_win_rate"
    assert Execution.objects.count() == 0


def test_a_breaker_that_trips_after_admission_stops_the_sending(line):
    execution = line.open(*CROSSED)
    trip(BreakerKind.WIN_RATE, scope=SIM, reason="test", now=from_ns(line.clock.now_ns()))
    assert line.step(execution.pk) == ExecutionState.SETTLED
    assert Order.objects.filter(sending_at__isnull=False).count() == 0
    assert Outcome.objects.count() == 0
    assert Reservation.objects.get().released_at is not None


def test_a_breaker_that_trips_between_the_legs_and_the_unwinding_lets_the_unwinding_out(line):
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    trip(BreakerKind.WIN_RATE, scope=SIM, reason="test", now=from_ns(line.clock.now_ns()))
    line.clock.advance(250)
    line.observe(book("b", "99.8", "99.9"))
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe()
    assert line.step(execution.pk) == ExecutionState.UNWOUND


def test_waterfall_of_a_partly_filled_leg_still_closes(line):
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe(book("b", "101", "101.1", quantity="1.2345"), book("a", "99.9", "100", quantity="3"))
    line.step(execution.pk)
    line.clock.advance(250)
    line.observe()
    line.step(execution.pk)
    execution.refresh_from_db()
    costs = execution.fees_quote + execution.gas_quote + execution.slippage_quote + execution.unwind_quote
    assert execution.gross_quote - costs == execution.net_quote


@pytest.mark.parametrize("net_bps", [Decimal(0)])
def test_opportunity_rows_carry_mode_and_run(line, net_bps):
    line.open(*CROSSED)
    opportunity = Opportunity.objects.get()
    assert (opportunity.mode, opportunity.run_id) == ("sim", "test")
    assert opportunity.edge_bps > net_bps
    assert len(opportunity.books) == 2
