"""What following scores would have changed: sums that close, intervals that hold nothing where nothing is known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.scores import ModelName, Scores
from mlops.validation.effect import Judged, effect_by_day, effect_of, said_alone
from mlops.validation.figures import NO_EFFECT
from tests.mlops.validation.outcomes import BREAKEVEN, sample, world

REFUSES, ALLOWS = Scores(expected_net_usd=-1.0), Scores(expected_net_usd=1.0)


def test_a_refused_loss_is_a_gain_and_a_refused_profit_a_loss():
    judged = [
        Judged(sample(0, settled_net_usd=-3.0), REFUSES),
        Judged(sample(1, settled_net_usd=1.0), REFUSES),
        Judged(sample(2, settled_net_usd=5.0), ALLOWS),
    ]
    found = effect_of(judged)
    assert (found.n, found.n_executed, found.refused, found.refused_rightly) == (3, 3, 2, 1)
    assert (found.rule_usd, found.change_usd) == (3.0, 2.0)


def test_what_was_not_executed_counts_with_what_was_left_after_the_delay():
    shadow = sample(0, executed=False, settled_net_usd=None, edge_at_latency_bps=-20.0, notional_usd=500.0)
    assert effect_of([Judged(shadow, REFUSES)]).change_usd == 1.0


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "near_miss", "executed": False, "settled_net_usd": None},
        {"settled_net_usd": None},
        {"executed": False, "settled_net_usd": None, "edge_at_latency_bps": None},
    ],
)
def test_near_misses_and_what_has_no_outcome_change_nothing(changes):
    assert effect_of([Judged(sample(**changes), REFUSES)]) == NO_EFFECT


def test_where_every_model_abstained_nothing_was_judged():
    assert effect_of([Judged(sample(), Scores(abstained=(("profit_maximizer", "no_skill"),)))]) == NO_EFFECT
    assert effect_of([]) == NO_EFFECT


def test_one_episode_alone_bounds_nothing():
    found = effect_of([Judged(sample(settled_net_usd=-1.0), REFUSES)])
    assert (found.low_usd, found.high_usd, found.loses) == (None, None, False)


def test_scores_that_know_something_gain_beyond_doubt_and_scores_that_are_turned_around_lose():
    judged = world(600)
    assert effect_of(judged).low_usd > 0
    turned = [
        Judged(one.sample, Scores(success_probability=1 - one.scores.success_probability, breakeven_probability=0.5))
        for one in judged
    ]
    assert effect_of(turned).loses
    assert not effect_of(turned[:40]).loses  # too few to say so


def test_scores_without_skill_are_not_told_apart_from_the_rule():
    found = effect_of(world(600, skill=0.0))
    assert found.refused == found.n or found.low_usd < 0 < found.high_usd or found.refused == 0


def test_each_model_is_heard_alone():
    scores = Scores(
        success_probability=0.9,
        breakeven_probability=BREAKEVEN,
        expected_net_usd=-1.0,
        slippage_bps=3.0,
        slippage_range_bps=(1.0, 9.0),
    )
    judged = [Judged(sample(number, settled_net_usd=-1.0), scores) for number in range(3)]
    refused = {
        model: effect_of(Judged(one.sample, said_alone(one.scores, model)) for one in judged).refused
        for model in ModelName
    }
    assert refused == {ModelName.ROUTE_SUCCESS: 0, ModelName.PROFIT: 3, ModelName.SLIPPAGE: 0}


@settings(max_examples=25)
@given(st.integers(1, 120), st.floats(0, 2), st.integers(0, 5))
def test_days_add_up_to_the_whole_and_the_interval_holds_the_change(count, skill, seed):
    judged = world(count, skill=skill, seed=seed)
    whole, days = effect_of(judged), effect_by_day(judged)
    assert sum(one.effect.n for one in days) == whole.n
    assert sum(one.effect.change_usd for one in days) == pytest.approx(whole.change_usd)
    assert [one.day for one in days] == sorted(
        {f"{one.sample.timestamp:%Y-%m-%d}" for one in judged if whole.n and one.sample.kind == "opportunity"}
    )
    if whole.low_usd is not None:
        assert whole.low_usd <= whole.change_usd + 1e-6
        assert whole.high_usd >= whole.change_usd - 1e-6


def test_the_surer_it_is_to_be_the_more_a_loss_takes():
    judged = [
        Judged(sample(number, settled_net_usd=1.0 if number % 5 else -1.5), REFUSES if number % 2 else ALLOWS)
        for number in range(60)
    ]
    usual, surer = effect_of(judged), effect_of(judged, level=0.99)
    assert (usual.change_usd, surer.change_usd) == (-15.0, -15.0)
    assert surer.low_usd < usual.low_usd < usual.high_usd < surer.high_usd
