"""Alert rules, evaluated as Grafana does it."""

from dataclasses import replace

import pytest

from arbsite.dashboards.evaluation import EVALUATORS, evaluate
from arbsite.dashboards.parts import EXPRESSION, Rule, Step
from domain.errors import BadInput

QUERY = Step("A", "arbsite", "SELECT 1", "table", "", "", "", "", ())
REDUCE = Step("B", EXPRESSION, "", "", "reduce", "A", "last", "", ())
THRESHOLD = Step("C", EXPRESSION, "", "", "threshold", "B", "", "gt", (10.0,))
LIVE, DRY = (("mode", "live"),), (("mode", "dry_run"),)


def rule(*steps: Step) -> Rule:
    return Rule(
        "rules.yaml", "uid", "Title", "group", "folder", "30s", "0s", "C", steps, "Alerting", "Error", {}, {}, "", 0
    )


def test_each_row_of_labels_is_judged_by_itself():
    found = evaluate(rule(QUERY, REDUCE, THRESHOLD), {"A": {LIVE: (11.0,), DRY: (10.0,)}})
    assert found.firing == (LIVE,)
    assert found.values == {LIVE: 11.0, DRY: 10.0}


def test_a_reduce_makes_one_number_of_many():
    several = {"A": {LIVE: (30.0, 1.0, 2.0)}}
    firing = {
        name: bool(evaluate(rule(QUERY, replace(REDUCE, reducer=name), THRESHOLD), several).firing)
        for name in ("last", "min", "max", "sum", "mean", "count")
    }
    assert firing == {"last": False, "min": False, "max": True, "sum": True, "mean": True, "count": False}


def test_a_threshold_may_take_a_query_itself():
    assert evaluate(rule(QUERY, replace(THRESHOLD, reads="A")), {"A": {LIVE: (11.0,)}}).firing == (LIVE,)


@pytest.mark.parametrize(
    ("evaluator", "fires_at"),
    [
        ("gt", {3.0, 4.0}),
        ("gte", {2.0, 3.0, 4.0}),
        ("lt", {1.0}),
        ("lte", {1.0, 2.0}),
        ("eq", {2.0}),
        ("ne", {1.0, 3.0, 4.0}),
        ("within_range", {3.0}),
        ("outside_range", {1.0}),
    ],
)
def test_every_evaluator_has_grafanas_bounds(evaluator, fires_at):
    _, holds = EVALUATORS[evaluator]
    assert {value for value in (1.0, 2.0, 3.0, 4.0) if holds(value, (2.0, 4.0))} == fires_at


@pytest.mark.parametrize("numbers", [{}, {LIVE: (None,)}, {LIVE: (float("nan"),)}])
def test_a_query_without_a_number_is_a_fault_of_its_own(numbers):
    with pytest.raises(BadInput, match="query A"):
        evaluate(rule(QUERY, REDUCE, THRESHOLD), {"A": numbers})


def test_a_reduce_of_a_reduce_is_refused():
    twice = replace(THRESHOLD, reads="D"), Step("D", EXPRESSION, "", "", "reduce", "B", "max", "", ())
    with pytest.raises(BadInput, match="takes a query's numbers"):
        evaluate(rule(QUERY, REDUCE, *twice), {"A": {LIVE: (1.0,)}})
