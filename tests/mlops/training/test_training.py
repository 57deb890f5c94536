"""From a frame to a model: skill where there is some, none where there is none, and a refusal with counts."""

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks.training_time import drawn_samples
from domain.features import FEATURE_HASH, FEATURE_NAMES, MAY_BE_UNKNOWN, FeatureVector
from domain.scores import ModelName
from mlops.bundle import Bundle
from mlops.labelled import LabelledSample
from mlops.training import NEEDED_OUTCOMES, BadFeatures, LooksAhead, OneClassOnly, TooFewOutcomes, train
from mlops.training.samples import frame_of
from tests.mlops.training.frames import dealt_anew, drawn_frame


def trained(model, frame, seed=1):
    return train(model, frame, seed=seed, told=lambda *_: None)


@pytest.fixture(scope="module")
def frame():
    return drawn_frame(900, skill=2.0, executed=0.8)


@pytest.fixture(scope="module")
def each(frame):
    return {model: trained(model, frame) for model in ModelName}


@pytest.mark.parametrize("model", ModelName)
def test_what_the_features_tell_is_learnt_and_said_to_be_skill(each, model):
    one = each[model]
    assert one.has_skill, one.why
    assert one.why.startswith("skill: ")
    assert len(one.why) <= 200
    assert one.bundle.model_name is model
    assert one.bundle.feature_hash == FEATURE_HASH
    json.dumps(one.metrics, allow_nan=False)


@pytest.mark.parametrize("model", ModelName)
def test_a_bundle_comes_back_from_its_files_as_it_was(each, model, tmp_path):
    bundle = each[model].bundle
    bundle.write(tmp_path)
    assert Bundle.read(tmp_path, bundle.file_hash) == bundle


def test_counts_and_span_are_those_of_the_samples_that_were_learnt_from(frame, each):
    success, profit = each[ModelName.ROUTE_SUCCESS], each[ModelName.PROFIT]
    assert success.n_samples == len(frame)
    assert profit.n_samples == profit.n_executed == success.n_executed == frame["executed"].sum()
    assert success.data_from == frame["timestamp"].iloc[0].to_pydatetime()
    assert success.data_to == frame["timestamp"].iloc[-1].to_pydatetime()


def test_two_trainings_with_one_seed_give_the_same_files_and_another_seed_gives_others():
    frame = drawn_frame(160)
    for model in ModelName:
        first = trained(model, frame)
        again = trained(model, frame.sample(frac=1, random_state=3))  # in whatever order the rows come
        assert first.bundle.file_hash == again.bundle.file_hash
        assert first.metrics == again.metrics
    assert (
        trained(ModelName.PROFIT, frame, seed=2).bundle.file_hash != trained(ModelName.PROFIT, frame).bundle.file_hash
    )


def test_shuffled_outcomes_give_no_skill():
    found = []
    for seed in range(2):
        frame = dealt_anew(drawn_frame(300, seed=seed), seed)
        found.extend(trained(model, frame, seed) for model in ModelName)
    without = [one for one in found if not one.has_skill]
    assert len(without) >= len(found) - 1  # at 99 % one in a hundred may
    assert all(one.why.startswith(("no skill", "ranks, but")) for one in without)


def test_the_verdict_and_the_measures_are_of_opportunities_and_the_two_kinds_of_outcome_are_told_apart(each):
    metrics = each[ModelName.ROUTE_SUCCESS].metrics
    executed, shadow = metrics["apart"]["executed"], metrics["apart"]["shadow"]
    assert executed["n"] + shadow["n"] == metrics["n_test"]
    assert metrics["n_train"] + metrics["n_test"] + metrics["n_purged"] == 900
    assert set(metrics["veto"]) == {"executed", "shadow"}
    assert set(metrics["baselines"]) == {"constant", "rule", "last_value", "linear"}
    assert sum(one["n"] for one in metrics["bins"]) == metrics["n_test"]
    assert metrics["judged"]["brier"]["value"] < metrics["baselines"]["constant"]["brier"]


def test_near_misses_teach_but_are_never_judged_on(frame):
    missed = frame.assign(is_opportunity=frame["executed"])
    metrics = trained(ModelName.ROUTE_SUCCESS, missed).metrics
    assert metrics["apart"]["near_misses"]["n"] > 0
    assert sum(one["n"] for one in metrics["bins"]) == metrics["apart"]["executed"]["n"]
    assert "shadow" not in metrics["veto"]


def test_the_guard_lets_what_it_was_trained_on_through_and_stops_another_world(frame, each):
    guard = each[ModelName.SLIPPAGE].bundle.guard
    rows = frame[list(FEATURE_NAMES)].to_numpy()
    distances = np.array([guard.distance(row) for row in rows.tolist()])
    assert (distances <= guard.limit).mean() > 0.99
    assert guard.distance((rows[0] + 1000).tolist()) > guard.limit
    known = [name not in MAY_BE_UNKNOWN for name in FEATURE_NAMES].index(True)
    spoilt = rows[0].copy()
    spoilt[known] = math.nan
    assert guard.distance(spoilt.tolist()) == math.inf


def test_the_break_even_is_where_wins_and_losses_weigh_the_same(frame, each):
    settled = frame["worth_usd"][frame["executed"]]
    win, loss = settled[settled > 0].mean(), -settled[settled <= 0].mean()
    breakeven = each[ModelName.ROUTE_SUCCESS].bundle.breakeven_probability
    assert breakeven * win == pytest.approx((1 - breakeven) * loss)
    assert each[ModelName.PROFIT].bundle.breakeven_probability is None


def test_progress_is_told_step_by_step_to_the_end():
    steps = []
    train(ModelName.PROFIT, drawn_frame(200), seed=1, told=lambda word, done, total: steps.append((word, done, total)))
    assert [done for _, done, _ in steps] == list(range(len(steps)))
    assert steps[-1][1] == steps[-1][2]


@pytest.mark.parametrize("model", ModelName)
def test_as_few_outcomes_as_are_needed_make_a_model_that_claims_nothing(model):
    frame = drawn_frame(NEEDED_OUTCOMES, executed=1.0)
    one = trained(model, frame)
    assert not one.has_skill
    assert one.n_executed == NEEDED_OUTCOMES
    one.bundle.files()
    json.dumps(one.metrics, allow_nan=False)


def test_too_few_outcomes_are_counted_and_near_misses_or_unsettled_trades_are_none():
    frame = drawn_frame(200, executed=1.0)
    frame.loc[49:, "worth_usd"] = np.nan
    for model in ModelName:
        with pytest.raises(TooFewOutcomes, match=r"49 executed and settled samples, 50 are needed, 1 are missing"):
            trained(model, frame)
    with pytest.raises(TooFewOutcomes, match="0 executed"):
        trained(ModelName.SLIPPAGE, frame_of([]))


def test_a_single_class_is_refused_with_its_count():
    frame = drawn_frame(80, executed=1.0)
    with pytest.raises(OneClassOnly, match="all 80 labelled samples succeeded"):
        trained(ModelName.ROUTE_SUCCESS, frame.assign(worth_usd=1.0))
    with pytest.raises(OneClassOnly, match="all 80 labelled samples netted 1 USD"):
        trained(ModelName.PROFIT, frame.assign(worth_usd=1.0))
    with pytest.raises(OneClassOnly, match="all 80 labelled samples lost 0 bps"):
        trained(ModelName.SLIPPAGE, frame.assign(lost_bps=0.0))


def test_features_that_are_infinite_or_unknown_without_leave_are_named_with_counts():
    optional, must = min(MAY_BE_UNKNOWN), next(name for name in FEATURE_NAMES if name not in MAY_BE_UNKNOWN)
    frame = drawn_frame(80, executed=1.0)
    frame.loc[:2, must] = np.nan
    frame.loc[7, optional] = -np.inf
    frame.loc[9, optional] = 1e300
    with pytest.raises(BadFeatures) as refused:
        trained(ModelName.PROFIT, frame)
    assert refused.value.counts == {must: 3, optional: 2}
    assert "80 samples" in str(refused.value)


def test_an_optional_feature_that_was_never_known_does_no_harm():
    optional = min(MAY_BE_UNKNOWN)
    one = trained(ModelName.ROUTE_SUCCESS, drawn_frame(200, executed=1.0).assign(**{optional: np.nan}))
    place = FEATURE_NAMES.index(optional)
    assert one.bundle.guard.may_be_unknown[place]
    assert one.bundle.guard.scales[place] > 0


@pytest.mark.parametrize("model", ModelName)
def test_a_planted_feature_that_knows_what_comes_is_caught_for_every_model(model):
    frame = drawn_frame(300)
    planted = frame["lost_bps"] * 0.3 + np.random.default_rng(1).normal(0, 0.01, 300)
    with pytest.raises(LooksAhead, match="route_left_bps alone tells what came"):
        trained(model, frame.assign(route_left_bps=planted))


def test_a_feature_that_is_known_only_after_a_success_is_caught():
    frame = drawn_frame(300)
    came = frame["worth_usd"] > 0
    with pytest.raises(LooksAhead, match="depeg_bps"):
        trained(ModelName.PROFIT, frame.assign(depeg_bps=np.where(came, 0.0, np.nan)))


def test_samples_all_within_a_minute_leave_nothing_to_judge_on():
    frame = drawn_frame(120, executed=1.0)
    frame["timestamp"] = frame["timestamp"].iloc[0] + pd.to_timedelta(np.arange(120) * 0.4, unit="s")
    frame["known_at"] = frame["timestamp"] + pd.Timedelta(seconds=3)
    for model in ModelName:
        one = trained(model, frame)
        assert not one.has_skill
        assert one.why.startswith("no skill can be shown")


def test_a_frame_is_in_the_order_of_time_and_keeps_what_is_unknown_unknown():
    later, sooner = sorted(drawn_samples(2, seed=1, executed=1.0), key=lambda sample: sample.timestamp, reverse=True)
    unlabelled = LabelledSample(
        route_key="r", symbol="A/B", timestamp=later.timestamp, kind="near_miss", net_bps=1.0, notional_usd=5.0,
        features=FeatureVector((math.nan,) * len(FEATURE_NAMES)),
    )  # fmt: skip
    frame = frame_of([later, unlabelled, sooner])
    assert frame["timestamp"].is_monotonic_increasing
    assert frame["worth_usd"].isna().sum() == frame["lost_bps"].isna().sum() == frame["known_at"].isna().sum() == 1
    assert frame["net_bps"].iloc[0] == sooner.features.values[FEATURE_NAMES.index("net_bps")]


def test_the_package_can_be_imported_without_what_it_trains_with():
    asked = "import sys, mlops.training, mlops.training.metrics; print({'lightgbm', 'sklearn', 'pandas'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
