"""A version's figures: what is counted, what the rule comes to beside it, and when nothing may be said."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.scores import ModelName, Scores
from mlops.validation.effect import Judged
from mlops.validation.figures import Expected, Figure, Subject, Verdict
from mlops.validation.measuring import MOST_POINTS, SHOWN, report_on
from tests.mlops.validation.outcomes import START, TAG, sample, world

SUBJECTS = {model: Subject(model, TAG, "champion", None, START - timedelta(days=1)) for model in ModelName}


@pytest.mark.parametrize("model", list(ModelName))
def test_every_figure_has_its_interval_and_the_rule_beside_it(model):
    found = report_on(SUBJECTS[model], world(400))
    assert tuple(figure.name for figure in found.figures) == SHOWN[model]
    for figure in found.figures:
        assert figure.low <= figure.value <= figure.high or figure.name == "ece"  # resampled bins differ only more
        assert figure.n == found.n
    assert any(figure.rule is not None for figure in found.figures)


def test_profit_is_judged_by_what_was_executed_alone_and_the_others_by_every_outcome():
    judged = world(400)
    executed = sum(one.sample.executed for one in judged)
    counts = {model: report_on(subject, judged).n for model, subject in SUBJECTS.items()}
    assert counts == {ModelName.ROUTE_SUCCESS: 400, ModelName.PROFIT: executed, ModelName.SLIPPAGE: 400}


def test_executed_outcomes_are_told_apart_where_there_are_both():
    found = report_on(SUBJECTS[ModelName.ROUTE_SUCCESS], world(400))
    assert {figure.n for figure in found.executed} == {found.n_executed}
    assert report_on(SUBJECTS[ModelName.PROFIT], world(400)).executed == ()


def test_the_rule_says_that_opportunities_succeed_and_near_misses_do_not():
    judged = [
        Judged(sample(0), Scores(success_probability=0.9)),
        Judged(sample(1, settled_net_usd=-1.0), Scores(success_probability=0.1)),
        Judged(
            sample(2, kind="near_miss", executed=False, settled_net_usd=None, edge_at_latency_bps=-1.0),
            Scores(success_probability=0.2),
        ),
    ]
    accuracy = report_on(SUBJECTS[ModelName.ROUTE_SUCCESS], judged).figure("accuracy")
    assert (accuracy.value, accuracy.rule) == (1.0, pytest.approx(2 / 3))


def test_a_perfect_prediction_has_no_error():
    judged = [
        Judged(
            sample(number, settled_net_usd=number - 3.0, edge_at_latency_bps=10.0 - number),
            Scores(
                expected_net_usd=number - 3.0, slippage_bps=float(number), slippage_range_bps=(number - 1, number + 1)
            ),
        )
        for number in range(8)
    ]
    profit, slippage = (report_on(SUBJECTS[model], judged) for model in (ModelName.PROFIT, ModelName.SLIPPAGE))
    assert (profit.figure("mae").value, profit.figure("correlation").value) == (0.0, pytest.approx(1.0))
    assert (slippage.figure("mae").value, slippage.figure("coverage").value) == (0.0, 1.0)
    assert slippage.figure("mae").rule == pytest.approx(3.5)


def test_abstentions_are_counted_by_their_reason_and_judge_nothing():
    abstains = Scores(abstained=(("profit_maximizer", "out_of_depth"), ("slippage_predictor", "expired")))
    judged = world(100) + [Judged(sample(200 + number), abstains) for number in range(7)]
    found = report_on(SUBJECTS[ModelName.PROFIT], judged)
    assert found.abstained == {"out_of_depth": 7}
    assert found.n == sum(one.sample.executed for one in judged) - 7


def test_without_outcomes_there_are_no_figures():
    found = report_on(SUBJECTS[ModelName.PROFIT], [])
    assert (found.n, found.figures, found.points, found.bins) == (0, (), (), ())


def test_what_was_decided_while_the_training_data_lasted_is_counted():
    subject = replace(SUBJECTS[ModelName.ROUTE_SUCCESS], trained_to=START + timedelta(minutes=7 * 9))
    assert report_on(subject, world(100)).n_in_sample == 10
    assert report_on(SUBJECTS[ModelName.ROUTE_SUCCESS], world(100)).n_in_sample == 0


def test_a_plot_is_given_no_more_points_than_it_can_show():
    found = report_on(SUBJECTS[ModelName.SLIPPAGE], world(MOST_POINTS + 300))
    assert len(found.points) == MOST_POINTS
    assert len(report_on(SUBJECTS[ModelName.SLIPPAGE], world(40)).points) == 40


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.3, 0.55, Verdict.WORSE),
        (0.5, 0.65, Verdict.UNCERTAIN),
        (0.61, 0.69, Verdict.MET),
        (0.65, 0.9, Verdict.MET),
        (0.75, 0.9, Verdict.BETTER),
    ],
)
def test_a_verdict_is_as_sure_as_the_interval(low, high, verdict):
    assert Expected(0.6, 0.7).verdict(low, high) is verdict
    assert Expected(-0.7, -0.6, is_higher_better=False).verdict(-high, -low) is verdict


def test_few_outcomes_and_figures_that_nothing_is_expected_of_have_no_verdict():
    figure = Figure("accuracy", "share", 0.6, 0.5, 0.7, 49, Expected(0.6, 0.7))
    assert figure.verdict is Verdict.TOO_FEW
    assert replace(figure, n=50).verdict is Verdict.UNCERTAIN
    assert replace(figure, n=50, low=None).verdict is Verdict.TOO_FEW
    assert replace(figure, expected=None).verdict is None
