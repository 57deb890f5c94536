from dataclasses import replace
from decimal import Decimal

import pytest

from domain.breakers import BreakerKind
from domain.execution import ExecutionState
from domain.ledger import Entry, imbalance
from domain.market import Asset
from domain.scores import Abstained, Scores
from domain.timestamps import from_ns
from mlops.models import Sample
from mlops.said import scores_said
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


VERSIONS = (("profit_maximizer", "20260311_120000"), ("slippage_predictor", "20260312_120000"))
SAID = Scores(expected_net_usd=0.5, slippage_bps=1.25, versions=VERSIONS, abstained=(("route_success_predictor", "x"),))
REFUSING = replace(SAID, expected_net_usd=-0.5)


def test_a_trade_that_the_models_refuse_is_left_alone_and_sampled(line):
    line.score = lambda features: REFUSING
    (decision,) = line.decisions(*CROSSED)
    assert line.commit(decision) == Refusal("score_expects_loss")
    assert (Opportunity.objects.get().reason, Sample.objects.get().explored) == ("score_expects_loss", False)
    assert not Execution.objects.exists()


def test_what_the_models_refuse_is_traded_all_the_same_where_chance_says_so_and_marked(line):
    line.score, line.config = (lambda features: REFUSING), replace(line.config, exploration_share=Decimal(1))
    execution = line.open(*CROSSED)
    line.run(execution.pk)
    opportunity, sample = Opportunity.objects.get(), Sample.objects.get()
    assert (opportunity.scores["explored"], sample.scores["explored"], sample.explored) == (True, True, True)
    assert (opportunity.executed, sample.executed, opportunity.reason) == (True, True, "")


def test_what_the_models_do_not_refuse_is_never_said_to_be_explored(line):
    line.score, line.config = (lambda features: SAID), replace(line.config, exploration_share=Decimal(1))
    line.open(*CROSSED)
    assert "explored" not in Opportunity.objects.get().scores
    assert not Sample.objects.get().explored


def test_the_same_refusal_is_explored_wherever_it_is_decided_again(line):
    line.score, line.config = (lambda features: REFUSING), replace(line.config, exploration_share=Decimal("0.5"))
    answers = []
    for _ in range(40):
        line.clock.advance(1)
        books = (replace(one, venue_at_ns=line.clock.at_ns, seen_at_ns=line.clock.at_ns) for one in CROSSED)
        ((first,), (second,)) = line.decisions(*books), line.decisions()
        assert (first.explored, first.reason) == (second.explored, second.reason)
        answers.append(first.explored)
    assert {True, False} == set(answers)


STORED = {
    "expected_net_usd": 0.5,
    "slippage_bps": 1.25,
    "versions": [["profit_maximizer", "20260311_120000"], ["slippage_predictor", "20260312_120000"]],
    "abstained": [["route_success_predictor", "x"]],
}


@pytest.mark.parametrize(
    ("scores", "stored"),
    [
        (Abstained("no_model"), {"abstained": "no_model"}),
        (Abstained("no_skill", SAID), {"abstained": "no_skill", "shadow": STORED}),
        (SAID, STORED),
        (replace(SAID, shadow=REFUSING), STORED | {"shadow": STORED | {"expected_net_usd": -0.5}}),
        (Scores(success_probability=0.0), {"success_probability": 0.0}),
    ],
)
def test_the_row_holds_what_the_models_said_and_nothing_that_they_did_not(line, scores, stored):
    line.score = lambda features: scores
    (decision,) = line.decisions(*CROSSED)
    line.commit(decision)
    assert Opportunity.objects.get().scores == Sample.objects.get().scores == stored


def test_what_a_row_holds_reads_back_as_what_was_said(line):
    line.score = lambda features: replace(SAID, shadow=REFUSING)
    line.open(*CROSSED)
    stored = Opportunity.objects.get().scores
    assert (scores_said(stored), scores_said(stored, in_shadow=True)) == (SAID, REFUSING)


@pytest.mark.parametrize(
    ("scores", "predicted"), [(SAID, Decimal("1.25")), (Abstained("no_model"), Decimal(0)), (Scores(), Decimal(0))]
)
def test_risk_is_told_what_slippage_was_predicted_or_none_where_nobody_did(line, scores, predicted):
    line.score = lambda features: scores
    execution = line.open(*CROSSED)
    line.run(execution.pk)
    assert Outcome.objects.get().predicted_slippage_bps == predicted


def test_a_settled_execution_labels_its_sample_with_what_it_earned(line):
    execution = line.open(*CROSSED)
    line.run(execution.pk)
    execution.refresh_from_db()
    sample = Sample.objects.get()
    assert (sample.executed, sample.settled_net_usd, sample.slippage_bps) == (True, execution.net_usd, 0.0)
    assert sample.known_at == from_ns(line.clock.now_ns())


def test_an_execution_in_which_nothing_was_filled_earned_nothing_that_could_be_learnt(line):
    execution = line.open(*CROSSED)
    line.step(execution.pk)
    line.clock.advance(5_400)
    line.step(execution.pk)
    sample = Sample.objects.get()
    assert (sample.executed, sample.settled_net_usd, sample.slippage_bps) == (False, None, None)
