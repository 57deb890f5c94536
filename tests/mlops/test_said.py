"""Stored scores read back: champions and challengers apart, whole abstentions, and what is none of ours."""

import json
from dataclasses import replace

import pytest

from domain.errors import BadInput
from domain.scores import Abstained, ModelName, Scores
from mlops.said import scores_said, scores_stored

SHADOW = Scores(success_probability=0.4, versions=(("route_success_predictor", "20260302_000000"),))
SCORES = Scores(
    success_probability=0.6,
    breakeven_probability=0.5,
    expected_net_usd=1.5,
    slippage_bps=2.0,
    slippage_range_bps=(-1.0, 6.0),
    versions=(("route_success_predictor", "20260301_000000"), ("profit_maximizer", "20260301_000001")),
    abstained=(("slippage_predictor", "no_skill"),),
)


def stored(scores, **overruled):
    """Return scores as a decision's row holds them."""
    return json.loads(json.dumps(scores_stored(scores, **overruled)))


def test_what_was_said_is_read_as_it_was():
    told = stored(replace(SCORES, shadow=SHADOW), explored=True)
    assert scores_said(told) == SCORES
    assert scores_said(told, in_shadow=True) == SHADOW
    assert told["explored"] is True


def test_what_was_not_said_is_not_stored():
    assert stored(Abstained("no_model")) == {"abstained": "no_model"}
    assert stored(SHADOW).keys() == {"success_probability", "versions"}


def test_where_nobody_judged_every_model_abstained_for_that_reason():
    told = stored(Abstained("no_model", shadow=SHADOW))
    assert scores_said(told) == Scores(abstained=tuple((model.value, "no_model") for model in ModelName))
    assert scores_said(told, in_shadow=True) == SHADOW
    assert scores_said({}, in_shadow=True) == scores_said({}) == Scores()


@pytest.mark.parametrize(
    "told", [{"success_probability": "much"}, {"versions": [1]}, {"slippage_range_bps": 3}, {"shadow": [1], "a": 1}]
)
def test_what_no_decision_stores_is_refused(told):
    with pytest.raises(BadInput, match="not a decision's scores"):
        scores_said(told, in_shadow="shadow" in told)
