"""What a scope has seen, tried and earned, from rows that the line itself wrote."""

from decimal import Decimal

import pytest

from domain.scope import Mode, Scope
from domain.terms import Rejected
from tests.fakes import SIM, book
from tests.trading.services.conftest import Line
from trading.selectors import results
from trading.services.counts import EvaluationCounter, record_looks

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))
ELSEWHERE = Scope(Mode.SIM, "another")


@pytest.fixture
def traded(db):
    line = Line()
    (decision,) = line.decisions(*CROSSED)
    counter = EvaluationCounter()
    counter.add(decision, now_ns=line.clock.now_ns())
    for reason, stage in (("stale", "fresh"), ("not_crossed", "crossed"), ("below_threshold", "cost")):
        counter.add(Rejected(decision.candidate.route, reason, stage), now_ns=line.clock.now_ns())
    record_looks(counter.take(), scope=SIM)
    line.run(line.commit(decision))
    return line


def test_the_funnel_narrows_stage_by_stage(traded):
    assert results.funnel_of(SIM) == results.Funnel(
        seen=4, fresh=3, crossed=2, after_fees=1, sized=1, opportunities=1, admitted=1, executed=1
    )


def test_a_settled_execution_is_counted_won_and_added_up(traded):
    found = results.results_of(SIM)
    assert found.by_state == {"settled": 1}
    assert (found.filled, found.wins, found.win_rate, found.under_way) == (1, 1, Decimal(1), 0)
    assert found.waterfall.remainder == 0
    assert found.waterfall.net > 0


def test_the_last_trade_is_the_one_that_settled_last_with_fills(traded):
    last = results.last_trade_of(SIM)
    assert last.state == "settled"
    assert last.net_usd == results.results_of(SIM).waterfall.net
    assert results.first_filled_at(SIM) == last.at


def test_reasons_are_told_apart_by_looks_and_by_trades(traded):
    refusals = results.refusals_of(SIM)
    assert refusals.looks == {"stale": 1, "not_crossed": 1, "below_threshold": 1}
    assert refusals.opportunities == {}


def test_an_execution_under_way_earns_nothing_yet(db):
    line = Line()
    line.open(*CROSSED)
    found = results.results_of(SIM)
    assert found.under_way == 1
    assert found.filled == 0
    assert found.win_rate is None
    assert results.last_trade_of(SIM) is None


def test_another_run_has_nothing_of_it(traded):
    assert results.funnel_of(ELSEWHERE) == results.Funnel()
    assert results.results_of(ELSEWHERE) == results.NO_RESULTS
    assert results.edge_of(ELSEWHERE) == results.Edge()
    assert results.first_filled_at(ELSEWHERE) is None
