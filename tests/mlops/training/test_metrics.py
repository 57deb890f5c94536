"""Measures agree with scikit-learn's, intervals hold what they should, and drift is told from none."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from mlops.training.metrics import (
    bins_of,
    calibration_error_by_chance,
    difference,
    histogram_of,
    mean_bins_of,
    measure,
    of_means,
    of_probabilities,
    of_quantiles,
    of_veto,
    psi,
    wilson,
)

probabilities = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=4, max_size=80).filter(
    lambda pairs: len({came for _, came in pairs}) == 2
)


def ones(values):
    return np.ones(len(values))


@given(probabilities)
@settings(max_examples=40, deadline=None)
def test_measures_of_probabilities_are_those_of_the_reference(pairs):
    said = np.array([share / 20 for share, _ in pairs])
    came = np.array([came for _, came in pairs])
    told = of_probabilities(said, came)(ones(came))
    yes = said >= 0.5
    assert told["auc"] == pytest.approx(reference.roc_auc_score(came, said))
    assert told["brier"] == pytest.approx(reference.brier_score_loss(came, said))
    assert told["accuracy"] == pytest.approx(reference.accuracy_score(came, yes))
    assert told["recall"] == pytest.approx(reference.recall_score(came, yes))
    assert told["f1"] == pytest.approx(reference.f1_score(came, yes))
    if yes.any():
        assert told["precision"] == pytest.approx(reference.precision_score(came, yes))


@given(probabilities, st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_a_weight_counts_like_so_many_copies(pairs, seed):
    said = np.array([share / 20 for share, _ in pairs])
    came = np.array([came for _, came in pairs])
    weights = np.random.default_rng(seed).integers(0, 4, len(came))
    if not weights.sum():
        return
    weighed = of_probabilities(said, came)(weights.astype(float))
    copied = of_probabilities(np.repeat(said, weights), np.repeat(came, weights))(np.ones(weights.sum()))
    for name in set(weighed) - {"ece"}:  # whose bins are those of all samples
        assert weighed[name] == pytest.approx(copied[name], nan_ok=True), name


def test_measures_of_amounts_are_those_of_the_reference():
    rng = np.random.default_rng(1)
    came = rng.normal(1, 2, 300)
    said = came + rng.normal(size=300)
    told = of_means(said, came)(ones(came))
    assert told["mae"] == pytest.approx(reference.mean_absolute_error(came, said))
    assert told["mse"] == pytest.approx(reference.mean_squared_error(came, said))
    assert told["correlation"] == pytest.approx(np.corrcoef(said, came)[0, 1])
    assert told["mean_percent_error"] == pytest.approx(100 * np.abs(said - came).sum() / np.abs(came).sum())


def test_pinball_is_that_of_the_reference_and_coverage_counts_what_lies_between():
    rng = np.random.default_rng(2)
    came = rng.normal(size=400)
    said = np.sort(rng.normal(size=(400, 3)), axis=1)
    told = of_quantiles(said, came)(ones(came))
    losses = [reference.mean_pinball_loss(came, said[:, i], alpha=a) for i, a in enumerate((0.1, 0.5, 0.9))]
    assert told["pinball"] == pytest.approx(np.mean(losses))
    assert told["coverage"] == pytest.approx(((came >= said[:, 0]) & (came <= said[:, 2])).mean())


def test_a_prediction_that_never_changes_has_no_correlation_and_is_told_as_none():
    told = measure(of_means(np.full(50, 0.1), np.arange(50.0)), np.arange(50), seed=1, resamples=50)
    assert told["correlation"] == {"value": None, "low": None, "high": None}
    json.dumps(told, allow_nan=False)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(3)
    held = 0
    for seed in range(60):
        came = np.repeat(rng.normal(5, 1, 60), 3)  # three alike in each cluster
        told = measure(of_means(np.zeros(180), came), np.repeat(np.arange(60), 3), seed=seed, resamples=200)
        low, high = told["mean_came"]["low"], told["mean_came"]["high"]
        held += low <= 5 <= high
    assert 50 <= held <= 60


def test_clusters_of_copies_make_an_interval_no_narrower():
    came = np.random.default_rng(4).normal(size=100)
    alone = measure(of_means(np.zeros(100), came), np.arange(100), seed=1)["mean_came"]
    copied = measure(of_means(np.zeros(1000), np.repeat(came, 10)), np.repeat(np.arange(100), 10), seed=1)["mean_came"]
    assert copied == pytest.approx(alone)


def test_the_same_seed_gives_the_same_interval_and_one_cluster_gives_none():
    judge = of_means(np.zeros(30), np.arange(30.0))
    assert measure(judge, np.arange(30), seed=7) == measure(judge, np.arange(30), seed=7)
    alone = measure(judge, np.zeros(30, dtype=np.int64), seed=7)["mae"]
    assert alone == {"value": 14.5, "low": None, "high": None}


def test_a_difference_is_paired():
    came = np.random.default_rng(5).normal(0, 100, 200)
    better, worse = of_means(came + 1, came), of_means(came + 2, came)
    told = measure(difference(worse, better), np.arange(200), seed=1)["mae"]
    assert told == {"value": pytest.approx(1), "low": pytest.approx(1), "high": pytest.approx(1)}


def test_a_veto_of_losses_gains_what_they_would_have_lost():
    net_usd = np.array([5.0, -3.0, 2.0, -4.0])
    told = of_veto(net_usd < 0, net_usd)(ones(net_usd))
    assert told == {"changed_usd": 7.0, "rule_usd": 0.0, "vetoed_share": 0.5}


def test_bins_hold_every_sample_once_and_tell_what_was_said_beside_what_came():
    said = np.linspace(0, 1, 200)
    bins = bins_of(said, said > 0.5)
    assert [one["n"] for one in bins] == [20] * 10
    assert bins[0]["came"] == 0 and bins[-1]["came"] == 1
    assert all(one["low"] <= one["came"] <= one["high"] for one in bins)
    assert sum(one["n"] for one in bins_of(np.full(30, 0.4), np.arange(30) > 3)) == 30
    amounts = mean_bins_of(said, 2 * said)
    assert all(one["came"] == pytest.approx(2 * one["said"]) for one in amounts)


def test_wilsons_interval_is_the_published_one():
    assert wilson(0.2, 50) == pytest.approx((0.1124, 0.3304), abs=1e-4)


def test_right_probabilities_show_an_error_all_the_same_where_samples_are_few():
    rng = np.random.default_rng(6)
    said = rng.random(500)
    told = of_probabilities(said, rng.random(500) < said)(ones(said))["ece"]
    by_chance = calibration_error_by_chance(said, seed=1)
    assert by_chance == pytest.approx(told, abs=0.025)
    assert calibration_error_by_chance(rng.random(20_000), seed=1, draws=20) < by_chance / 3


@given(st.integers(0, 2**16), st.floats(0, 0.5))
@settings(max_examples=15, deadline=None)
def test_drift_is_small_from_the_same_world_and_large_from_another(seed, unknown):
    rng = np.random.default_rng(seed)

    def drawn(centre):
        return np.where(rng.random(1000) < unknown, np.nan, rng.normal(centre, 1, 1000))

    histogram = histogram_of(drawn(0))
    assert sum(histogram["shares"]) == pytest.approx(1)
    assert psi(histogram, drawn(0)) < 0.1
    assert psi(histogram, drawn(1.5)) > 0.25
    assert psi(histogram, np.full(1000, np.nan)) > 0.25


def test_a_feature_that_is_constant_does_not_drift_until_it_moves():
    histogram = histogram_of(np.zeros(500))
    assert psi(histogram, np.zeros(300)) == pytest.approx(0, abs=1e-12)
    assert psi(histogram, np.ones(300)) > 0.25
    assert psi(histogram_of(np.array([])), np.zeros(300)) > 0.25
