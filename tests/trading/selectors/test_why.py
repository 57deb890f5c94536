"""Why things were or were not traded, from rows that the line itself wrote and rows made for it."""

from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal

import pytest

from domain.costs import entry_tier
from domain.errors import BadInput
from domain.scope import Mode, Scope
from domain.terms import Rejected
from domain.timestamps import from_ns
from tests.fakes import NOW_NS, SIM, book
from tests.trading.models.rows import make
from tests.trading.services.conftest import Line
from trading.models import EdgeObservation, Execution, Opportunity, Order, StateEvent
from trading.selectors import why_words as words
from trading.selectors.story import story_of
from trading.selectors.terms import HOUR, Span
from trading.selectors.why import Missed, why_of
from trading.services.counts import EvaluationCounter, record_looks

NOW = from_ns(NOW_NS)
SPAN = Span.around(NOW, NOW + HOUR)
CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))


@pytest.fixture
def traded(db):
    line = Line()
    (decision,) = line.decisions(*CROSSED)
    counter = EvaluationCounter()
    counter.add(decision, now_ns=line.clock.now_ns())
    for reason, stage in (("stale", "fresh"), ("stale", "fresh"), ("not_crossed", "crossed"), ("too_small", "size")):
        counter.add(Rejected(decision.candidate.route, reason, stage), now_ns=line.clock.now_ns())
    record_looks(counter.take(), scope=SIM)
    line.run(line.commit(decision))
    return line


def refused(reason: str, *, later: str | None, offset_ms: int = 500, **changes) -> Opportunity:
    row = {"timestamp": NOW, "reason": reason, "edge_bps": Decimal(50), "notional_usd": Decimal(1_000), "size": 10}
    found = make(Opportunity, **SIM.columns, **row | changes)
    for at_ms, net in ((100, Decimal(999)), (offset_ms, None if later is None else Decimal(later))):
        at = NOW + timedelta(milliseconds=at_ms)
        look = {"timestamp": at, "opportunity_id": found.pk, "offset_ms": at_ms, "net_bps": net, "size": Decimal(5)}
        make(EdgeObservation, **SIM.columns, **look)
    return found


def why(scope: Scope = SIM, span: Span = SPAN):
    return why_of(scope, span, fees_of=entry_tier)


def test_the_funnel_narrows_from_looks_to_executions(traded):
    found = why()
    assert [(step.name, step.count) for step in found.funnel] == [
        ("seen", 5),
        ("fresh", 3),
        ("crossed", 2),
        ("after fees", 2),
        ("sized", 1),
        ("opportunities", 1),
        ("scored", 1),
        ("admitted", 1),
        ("executed", 1),
    ]
    assert [(one.reason, one.count) for one in found.looks] == [("stale", 2), ("not_crossed", 1), ("too_small", 1)]


def test_what_was_executed_tells_the_plan_and_the_result(traded):
    row = Opportunity.objects.get()
    found = why().executed
    assert found is not None
    assert (found.count, found.settled_usd, found.observed) == (1, row.profit_usd, 0)
    assert found.planned_usd.quantize(Decimal("0.01"), ROUND_FLOOR) == Decimal("0.79")


def test_a_refusal_tells_what_it_would_have_made_at_once_and_after_the_delay(db):
    refused("breaker_drawdown", later="20")
    refused("breaker_drawdown", later=None)
    assert why().missed == (Missed("admission", "breaker_drawdown", 2, Decimal(10), 1, Decimal(1), None),)


def test_the_look_that_counts_is_the_first_one_not_before_the_delay(db):
    refused("halted", later="20", offset_ms=250)
    assert why().missed[0].delayed_usd == 1
    refused("exposure", later="20", offset_ms=249)
    assert {one.reason: one.observed for one in why().missed} == {"halted": 1, "exposure": 0}


def test_models_gates_and_executions_refuse_at_stages_of_their_own(db):
    refused("score_expects_loss", later="0")
    refused("halted", later="0")
    tried = refused("a: limit_not_reached", later="0")
    make(Execution, **SIM.columns, opportunity=tried, opportunity_at=tried.timestamp, notional_usd=Decimal(250))
    found = why()
    stages = {one.reason: (one.stage, one.planned_usd) for one in found.missed}
    assert stages == {
        "score_expects_loss": ("score", 5),
        "halted": ("admission", 5),
        "a: limit_not_reached": ("execution", Decimal("1.25")),
    }
    assert [step.count for step in found.funnel][-4:] == [3, 2, 1, 0]


def test_what_the_models_thought_unlikely_ended_with_them_too(db):
    refused("score_unlikely", later="0")
    assert [(one.stage, one.reason) for one in why().missed] == [("score", "score_unlikely")]
    assert words.reason_in_words("score_unlikely").startswith("the models thought it unlikelier")


def test_what_chance_let_through_although_the_models_refused_is_counted_and_said(db):
    refused("halted", later="0", scores={"expected_net_usd": -0.5, "explored": True})
    refused("halted", later="0", scores={"abstained": "no_model"})
    found = why()
    assert [(one.count, one.explored) for one in found.missed] == [(2, 1)]
    assert "1 opportunity that the models refused went on to the gates all the same" in " ".join(words.notes(found))


def test_where_nothing_was_explored_nothing_is_said_of_it(traded):
    assert why().explored == 0
    assert "by chance" not in " ".join(words.notes(why()))


def test_an_execution_that_has_not_ended_is_under_way_and_not_refused(db):
    begun = refused("", later="0")
    make(Execution, **SIM.columns, opportunity=begun, opportunity_at=begun.timestamp)
    assert [one.reason for one in why().missed] == ["under_way"]


def test_other_scopes_and_other_hours_are_left_out(traded):
    assert why(Scope(Mode.SIM, "another")).found == 0
    earlier = Span(SPAN.first - 24 * HOUR, SPAN.last - 24 * HOUR)
    assert why(span=earlier).funnel[0].count == 0


def test_the_answer_is_plain_and_names_the_commonest_reason(traded):
    first, second = words.answer(why())
    assert first.startswith(
        "Of 5 looks at a route 2 found a price that paid after fees; they were 1 opportunity, which "
    )
    assert second == "Most often, in 40 % of the looks, it ended because a book was too old."


def test_reasons_are_said_in_words_and_keep_their_venue():
    assert words.reason_in_words("kraken: not_observed") == "kraken: nobody saw the book it would have met"
    assert words.reason_in_words("breaker_win_rate") == "breaker open: win rate"
    assert words.reason_in_words("kraken: breaker_win_rate") == "kraken: breaker open: win rate"
    assert words.reason_in_words("max_exposure_usd") == "max exposure usd"


def test_the_number_of_queries_does_not_grow_with_the_rows(db, django_assert_max_num_queries):
    for _ in range(20):
        refused("halted", later="1")
    with django_assert_max_num_queries(4):
        why()


def test_the_story_of_an_execution_holds_books_costs_legs_events_and_waterfall(traded):
    row = Opportunity.objects.get()
    told = story_of(SIM, row.pk)
    assert [(one.venue, one.side, one.levels[0].price) for one in told.books] == [("a", "buy", 100), ("b", "sell", 101)]
    assert len(told.costs) == 2
    assert told.gates
    assert all(gate.passed for gate in told.gates)
    assert told.execution is not None
    assert [(leg.side, leg.venue, leg.state) for leg in told.execution.legs] == [
        ("buy", "a", "filled"),
        ("sell", "b", "filled"),
    ]
    assert told.execution.legs[0].mean_price == 100
    assert told.execution.events[-1].after == "settled"
    assert told.execution.waterfall is not None
    assert told.execution.waterfall.remainder == 0
    assert words.story_answer(told).startswith("It was executed and made $0.79; as planned")


def test_the_story_of_a_refusal_says_why_and_what_was_left(db):
    row = refused("halted", later="20", closed_at=NOW + timedelta(seconds=3))
    told = story_of(SIM, row.pk)
    assert told.execution is None
    assert [(one.offset_ms, one.net_bps) for one in told.later] == [(100, 999), (500, 20)]
    assert words.story_answer(told) == "It was not traded: trading was halted. As planned it would have made $5.00."
    assert words.still_there(told).startswith("Its route paid for 3 s")


SAID = {
    "success_probability": 0.624,
    "breakeven_probability": 0.55,
    "expected_net_usd": -0.5,
    "versions": [["route_success_predictor", "20260311_120000"], ["profit_maximizer", "20260312_120000"]],
    "abstained": [["slippage_predictor", "out_of_depth"]],
    "shadow": {
        "slippage_bps": 1.5,
        "slippage_range_bps": [0.25, 4.0],
        "versions": [["slippage_predictor", "20260313_120000"]],
    },
}


def test_the_story_tells_what_each_model_said_and_the_challengers_beside_them(db):
    row = refused("score_expects_loss", later="0", scores=SAID)
    assert words.models_said(story_of(SIM, row.pk)) == [
        ("route success predictor", "scored", "62 % likely to earn, 55 % are needed, says version 20260311_120000"),
        ("profit maximizer", "scored", "-$0.50 net expected, says version 20260312_120000"),
        ("slippage predictor", "abstained", "the candidate is unlike anything that it was trained on"),
        (
            "challenging slippage predictor",
            "scored",
            "1.50 bps lost on the way, mostly between 0.25 and 4.00, says version 20260313_120000",
        ),
    ]


def test_the_story_tells_why_no_model_judged(db):
    row = refused("halted", later="0", scores={"abstained": "no_model"})
    assert words.models_said(story_of(SIM, row.pk)) == [("models", "abstained", "there is no champion")]


def test_the_story_tells_that_chance_overruled_the_models(db):
    row = refused("halted", later="0", scores=SAID | {"explored": True})
    assert words.story_answer(story_of(SIM, row.pk)).endswith(
        "The models expected a loss; chance let it go on to the gates all the same, to learn from."
    )


def test_an_unwound_leg_is_part_of_the_story(db):
    row = refused("needs_person", later=None)
    execution = make(Execution, **SIM.columns, opportunity=row, opportunity_at=row.timestamp)
    order = make(Order, **SIM.columns, execution=execution, role="unwind", side="sell", reason="limit_not_reached")
    make(StateEvent, **SIM.columns, execution=execution, order=order)
    told = story_of(SIM, row.pk).execution
    assert told is not None
    assert (told.legs[0].role, told.legs[0].mean_price, told.waterfall) == ("unwind", None, None)
    assert told.events[0].subject == "a"


def test_a_number_that_no_opportunity_has_is_named_with_the_scope_that_has_it(db):
    with pytest.raises(BadInput, match=r"there is no opportunity 77 in sim/test$"):
        story_of(SIM, 77)
    elsewhere = make(Opportunity)
    with pytest.raises(BadInput, match=r"in sim/test; sim has one of that number"):
        story_of(SIM, elsewhere.pk)
