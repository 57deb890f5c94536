"""The scorer: champions' scores to act upon, challengers' beside them, and a reason wherever one keeps silent."""

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.features import FeatureVector
from domain.scores import EXPECTS_LOSS, Abstained, ModelName, Scores, refusal_of
from mlops.serving import NO_MODEL, Model, ModelScorer, Post
from tests.mlops.serving.bundles import N_FEATURES, STRANGE, TYPICAL, bundle_of

NOW_NS, LATER_NS = 1_000, 2_000
SUCCESS, PROFIT, SLIPPAGE = ModelName


def post(name: ModelName, tag: str = "20260101_000000", *, seed: int = 1, expires_at_ns: int = LATER_NS) -> Post:
    return Post(tag, expires_at_ns, Model(bundle_of(name, seed=seed)))


def silent(reason: str) -> Post:
    return Post("20260102_000000", LATER_NS, None, reason)


def scorer(champions, challengers=None, *, now_ns: int = NOW_NS) -> ModelScorer:
    return ModelScorer(champions, challengers or {}, now_ns=lambda: now_ns)


def all_three(**told) -> dict[ModelName, Post]:
    return {name: post(name, **told) for name in ModelName}


def test_three_champions_fill_in_every_field():
    scores = scorer(all_three())(TYPICAL)
    assert isinstance(scores, Scores)
    fields = asdict(scores)
    assert [name for name, value in fields.items() if value is None] == ["shadow"]
    assert scores.versions == tuple((name.value, "20260101_000000") for name in ModelName)
    assert scores.abstained == ()
    assert scores.success_probability == post(SUCCESS).model.judge(TYPICAL)["success_probability"]


def test_without_any_model_it_abstains_and_the_rules_carry_on():
    answer = scorer({})(TYPICAL)
    assert answer == Abstained(NO_MODEL)
    assert refusal_of(answer) == ""


def test_one_champion_judges_alone_and_the_others_say_why_they_do_not():
    scores = scorer({PROFIT: post(PROFIT), SLIPPAGE: silent("tampered")})(TYPICAL)
    assert scores.expected_net_usd is not None
    assert scores.success_probability is None and scores.slippage_bps is None
    assert scores.versions == ((PROFIT.value, "20260101_000000"),)
    assert scores.abstained == ((SUCCESS.value, "no_model"), (SLIPPAGE.value, "tampered"))


def test_what_all_leave_alone_for_one_reason_is_an_abstention():
    assert scorer(all_three())(STRANGE) == Abstained("out_of_depth")


def test_where_reasons_differ_each_is_told_and_nothing_is_refused():
    answer = scorer({SUCCESS: silent("no_skill"), PROFIT: silent("suspended")})(TYPICAL)
    assert answer == Scores(
        abstained=((SUCCESS.value, "no_skill"), (PROFIT.value, "suspended"), (SLIPPAGE.value, "no_model"))
    )
    assert refusal_of(answer) == ""


@pytest.mark.parametrize(("now_ns", "judges"), [(LATER_NS - 1, True), (LATER_NS, False), (LATER_NS + 1, False)])
def test_a_model_judges_until_it_expires(now_ns, judges):
    answer = scorer(all_three(), now_ns=now_ns)(TYPICAL)
    assert isinstance(answer, Scores) if judges else answer == Abstained("expired")


def test_what_cannot_judge_anyway_is_not_called_expired():
    answer = scorer({SUCCESS: silent("missing")}, now_ns=LATER_NS)(TYPICAL)
    assert (SUCCESS.value, "missing") in answer.abstained


def test_a_challenger_is_heard_beside_the_champion_and_never_acted_upon():
    alone = scorer(all_three())(TYPICAL)
    losing = {PROFIT: post(PROFIT, "20260202_000000", seed=2)}
    scores = scorer(all_three(), losing)(TYPICAL)
    assert scores.shadow == Scores(
        expected_net_usd=losing[PROFIT].model.judge(TYPICAL)["expected_net_usd"],
        versions=((PROFIT.value, "20260202_000000"),),
    )
    assert scores.expected_net_usd == alone.expected_net_usd
    assert refusal_of(scores) == refusal_of(alone)


def test_challengers_are_heard_where_no_champion_judges():
    answer = scorer({}, all_three())(TYPICAL)
    assert isinstance(answer, Abstained) and answer.reason == NO_MODEL
    assert answer.shadow.success_probability is not None
    assert refusal_of(answer) == ""


def test_a_challenger_that_keeps_silent_says_why():
    answer = scorer(all_three(), {PROFIT: silent("broken")})(TYPICAL)
    assert answer.shadow == Scores(abstained=((PROFIT.value, "broken"),))


def test_a_champion_that_expects_a_loss_refuses():
    rich = {PROFIT: post(PROFIT)}
    features = [FeatureVector((value, *TYPICAL.values[1:])) for value in (-2.0, 2.0)]
    refusals = [refusal_of(scorer(rich)(one)) for one in features]
    assert refusals == [EXPECTS_LOSS, ""]


WHOLE = scorer(all_three(), all_three(seed=2))


@given(st.lists(st.floats(-2, 2) | st.floats(-2, 2) | st.floats(), min_size=N_FEATURES, max_size=N_FEATURES))
def test_whatever_the_features_are_it_answers_with_numbers_or_a_reason(values):
    answer = WHOLE(FeatureVector(tuple(values)))
    if isinstance(answer, Abstained):
        assert answer.reason == "out_of_depth"
    else:
        assert len(answer.versions) + len(answer.abstained) == len(ModelName)
        assert 0.1 <= answer.success_probability <= 0.9
