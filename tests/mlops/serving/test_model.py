"""One model: what it says of a candidate, where it keeps silent, and which files it refuses."""

import math
from dataclasses import replace

import pytest

from domain.features import FeatureVector
from domain.scores import Abstained, ModelName
from mlops.bundle import BadBundle, Calibration, Guard
from mlops.serving import Model
from tests.mlops.serving.bundles import N_FEATURES, STRANGE, TYPICAL, booster, bundle_of, guard_of

UNKNOWN = FeatureVector((math.nan,) * N_FEATURES)
ONE_UNKNOWN = FeatureVector((math.nan, *TYPICAL.values[1:]))
INFINITE = FeatureVector((math.inf, *TYPICAL.values[1:]))


def predicted(role: str, features: FeatureVector) -> float:
    return float(booster(role).predict([features.values])[0])


def test_the_classifier_says_a_calibrated_probability_and_its_break_even():
    said = Model(bundle_of(ModelName.ROUTE_SUCCESS)).judge(TYPICAL)
    table = Calibration((0.2, 0.8), (0.1, 0.9))
    assert said == {
        "success_probability": pytest.approx(table(predicted("probability", TYPICAL))),
        "breakeven_probability": 0.4,
    }


def test_the_profit_model_says_what_is_expected():
    said = Model(bundle_of(ModelName.PROFIT)).judge(TYPICAL)
    assert said == {"expected_net_usd": pytest.approx(predicted("mean", TYPICAL))}


def test_the_slippage_model_says_its_median_between_its_outer_quantiles():
    said = Model(bundle_of(ModelName.SLIPPAGE)).judge(TYPICAL)
    low, median, high = sorted(predicted(role, TYPICAL) for role in ("q10", "q50", "q90"))
    assert said["slippage_bps"] == pytest.approx(median)
    assert said["slippage_range_bps"] == pytest.approx((low, high))


def test_quantiles_that_cross_are_put_in_order():
    crossed = {
        role: booster(other).model_to_string() for role, other in (("q10", "q90"), ("q50", "q50"), ("q90", "q10"))
    }
    straight = Model(bundle_of(ModelName.SLIPPAGE)).judge(TYPICAL)
    assert Model(bundle_of(ModelName.SLIPPAGE, boosters=crossed)).judge(TYPICAL) == straight


@pytest.mark.parametrize("name", ModelName)
def test_a_candidate_unlike_what_it_was_trained_on_is_not_judged(name):
    model = Model(bundle_of(name))
    assert model.judge(STRANGE) == Abstained("out_of_depth")
    assert model.judge(INFINITE) == Abstained("out_of_depth")
    assert model.judge(UNKNOWN) == Abstained("out_of_depth")


def test_a_value_may_be_unknown_only_where_it_was_in_training():
    assert Model(bundle_of(ModelName.PROFIT)).judge(ONE_UNKNOWN) == {
        "expected_net_usd": pytest.approx(predicted("mean", ONE_UNKNOWN))
    }
    strict = Model(bundle_of(ModelName.PROFIT, guard=guard_of(may_be_unknown=False)))
    assert strict.judge(ONE_UNKNOWN) == Abstained("out_of_depth")


def test_an_answer_that_is_no_number_is_an_abstention():
    text = booster("mean").model_to_string()
    spoilt = "\n".join(
        "leaf_value=" + " ".join("nan" for _ in line.split()) if line.startswith("leaf_value=") else line
        for line in text.split("\n")
    )
    sizes = [len(tree) for tree in _trees(spoilt)]
    spoilt = "\n".join(
        "tree_sizes=" + " ".join(map(str, sizes)) if line.startswith("tree_sizes=") else line
        for line in spoilt.split("\n")
    )
    assert Model(bundle_of(ModelName.PROFIT, boosters={"mean": spoilt})).judge(TYPICAL) == Abstained("not_a_number")


def _trees(text: str) -> list[str]:
    body = text[text.index("Tree=0") : text.index("end of trees")]
    return ["Tree=" + part for part in body.split("Tree=")[1:]]


@pytest.mark.parametrize("changed", [{"feature_hash": "0" * 64}, {"feature_names": ("a",) * N_FEATURES}])
def test_other_features_are_refused(changed):
    with pytest.raises(BadBundle, match="which is not ours") as refused:
        Model(bundle_of(ModelName.PROFIT, **changed))
    assert refused.value.reason == "wrong_features"


GUARD = guard_of()
SUCCESS_TEXT = booster("probability").model_to_string()


@pytest.mark.parametrize(
    "changed",
    [
        {"boosters": {}},
        {"boosters": {"mean": SUCCESS_TEXT}},
        {"boosters": {"probability": SUCCESS_TEXT, "mean": SUCCESS_TEXT}},
        {"boosters": {"probability": "garbage"}},
        {"boosters": {"probability": SUCCESS_TEXT[:3000]}},
        {"guard": Guard((), (), (), 3.0)},
        {"guard": replace(GUARD, scales=(0.0, *GUARD.scales[1:]))},
        {"guard": replace(GUARD, centres=("x", *GUARD.centres[1:]))},
        {"guard": replace(GUARD, centres=(math.nan, *GUARD.centres[1:]))},
        {"guard": replace(GUARD, limit="far")},
        {"guard": replace(GUARD, limit=math.nan)},
        {"guard": replace(GUARD, cut=0.0)},
        {"calibration": None},
        {"calibration": Calibration((), ())},
        {"calibration": Calibration((0.1, 0.2), (0.5,))},
        {"calibration": Calibration((0.2, 0.1), (0.5, 0.6))},
        {"calibration": Calibration((0.1, 0.1), (0.5, 0.6))},
        {"calibration": Calibration((0.1, 0.2), (0.6, 0.5))},
        {"calibration": Calibration((0.1, 0.2), (-0.1, 0.5))},
        {"calibration": Calibration((0.1, 0.2), (0.5, 1.1))},
        {"calibration": Calibration((0.1, 0.2), (0.5, "x"))},
        {"breakeven_probability": 1.5},
        {"breakeven_probability": math.nan},
        {"breakeven_probability": "half"},
    ],
)
def test_files_that_do_not_fit_together_are_refused(changed):
    with pytest.raises(BadBundle) as refused:
        Model(bundle_of(ModelName.ROUTE_SUCCESS, **changed))
    assert refused.value.reason == "broken"


def test_a_model_is_opened_from_its_files(tmp_path):
    bundle = bundle_of(ModelName.PROFIT)
    bundle.write(tmp_path)
    assert Model.open(tmp_path, bundle.file_hash).judge(TYPICAL) == Model(bundle).judge(TYPICAL)
