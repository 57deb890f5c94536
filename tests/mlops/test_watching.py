"""The daily watch: a row for each version and day, once; a champion that loses to the rule is suspended and told of."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from domain.features import FEATURE_NAMES
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.models import Alias, ModelAlias, ModelPerformance, Sample
from mlops.services.watching import watch
from mlops.training.metrics import histogram_of
from ops import locks
from ops.models import Alert
from tests.mlops.serving.placed import place, version_of
from tests.mlops.stored import SCOPE, says_nothing, says_the_opposite, says_truth, store

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 12, 1, 20, tzinfo=UTC)
YESTERDAY = datetime(2026, 3, 11, tzinfo=UTC)
TAG, OTHER_TAG = "20260301_031000", "20260302_031000"
SUCCESS, PROFIT, SLIPPAGE = ModelName


@pytest.fixture(autouse=True)
def directory(settings, tmp_path):
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path))


def champion(model, *, tag=TAG, since=YESTERDAY - timedelta(days=3), **columns):
    alias = place(version_of(model, scope=SCOPE, tag=tag, **columns))
    ModelAlias.objects.filter(pk=alias.pk).update(moved_at=since)
    return alias


def in_shadow(of, champions=says_nothing):
    return lambda number, came: {**champions(number, came), "shadow": of(number, came)}


def test_what_each_model_said_yesterday_is_measured_once():
    champion(SUCCESS)
    store(200, first=YESTERDAY, saying=says_truth(TAG))
    store(30, first=NOW - timedelta(minutes=60), saying=says_truth(TAG))  # today is not over

    rows = {row.model_name: row for row in watch(SCOPE, now=NOW)}

    assert set(rows) == {model.value for model in ModelName}
    success, profit, slippage = (rows[model.value] for model in ModelName)
    assert (success.accuracy, success.precision, success.f1, success.n, success.n_executed) == (1.0, 1.0, 1.0, 200, 100)
    assert success.brier == pytest.approx(0.01)
    assert (profit.n, profit.mae, profit.mean_percent_error) == (
        100,
        pytest.approx(0, abs=1e-5),
        pytest.approx(0, abs=1e-3),
    )
    assert profit.avg_actual_profit == pytest.approx(profit.avg_predicted_profit, abs=Decimal("0.00001"))
    assert (slippage.n, slippage.correlation) == (200, pytest.approx(1))
    assert {(row.model_version, row.alias, row.window_from, row.window_to) for row in rows.values()} == {
        (TAG, "champion", YESTERDAY, YESTERDAY + timedelta(days=1))
    }
    assert watch(SCOPE, now=NOW) == []
    assert watch(SCOPE, now=NOW + timedelta(hours=3)) == []
    assert ModelPerformance.objects.count() == 3


def test_a_row_keeps_bins_intervals_the_rule_and_the_effect():
    store(200, first=YESTERDAY, saying=says_truth(TAG))
    detail = next(row.detail for row in watch(SCOPE, now=NOW) if row.model_name == SUCCESS)
    assert sum(one["n"] for one in detail["bins"]) == 200
    assert set(detail["bins"][0]) == {"said", "came", "low", "high", "n"}
    assert detail["judged"]["accuracy"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 200}
    assert detail["executed"]["accuracy"]["n"] == 100
    assert 0.3 < detail["rule"]["accuracy"] < 0.7
    assert detail["effect"]["change_usd"] > 0


def test_champion_and_challenger_are_told_apart_and_every_version_has_its_own_row():
    store(40, first=YESTERDAY, saying=in_shadow(says_truth(OTHER_TAG), says_the_opposite(TAG)))
    store(40, first=YESTERDAY + timedelta(hours=5), saying=says_truth(OTHER_TAG))
    rows = watch(SCOPE, now=NOW)
    told = {(row.alias, row.model_version): (row.n, row.accuracy) for row in rows if row.model_name == SUCCESS}
    assert told == {
        ("champion", TAG): (40, 0.0),
        ("champion", OTHER_TAG): (40, 1.0),
        ("challenger", OTHER_TAG): (40, 1.0),
    }


def test_days_that_were_missed_are_made_up_for_and_scopes_never_mix():
    store(20, first=YESTERDAY, saying=says_truth(TAG))
    store(20, first=YESTERDAY - timedelta(days=3), saying=says_truth(TAG))
    store(20, first=YESTERDAY - timedelta(days=30), saying=says_truth(TAG))
    store(20, first=YESTERDAY, saying=says_truth(TAG), scope=Scope(Mode.DRY_RUN))
    days = {row.window_from for row in watch(SCOPE, now=NOW)}
    assert days == {YESTERDAY, YESTERDAY - timedelta(days=3)}
    assert set(ModelPerformance.objects.values_list("mode", flat=True)) == {"sim"}


def test_a_day_is_left_until_its_last_outcomes_have_come_in():
    store(20, first=YESTERDAY, saying=says_truth(TAG))
    assert watch(SCOPE, now=YESTERDAY + timedelta(days=1, minutes=30)) == []
    assert len(watch(SCOPE, now=YESTERDAY + timedelta(days=1, minutes=61))) == 3


def test_where_nobody_judged_there_is_no_row():
    store(30, first=YESTERDAY)
    assert watch(SCOPE, now=NOW) == []


def test_abstentions_are_counted_beside_what_was_said():
    def saying(number, came):
        if number % 3:
            return says_truth(TAG)(number, came)
        return {"abstained": [[SUCCESS.value, "out_of_depth"]], "versions": []}

    store(30, first=YESTERDAY, saying=saying)
    row = next(row for row in watch(SCOPE, now=NOW) if row.model_name == SUCCESS)
    assert (row.n, row.detail["abstained"]) == (20, {"out_of_depth": 10})


@pytest.mark.parametrize("model", [SUCCESS, PROFIT])
def test_a_champion_that_loses_to_the_rule_is_suspended_and_told_of_once(model):
    alias = champion(model)
    store(120, first=YESTERDAY, saying=says_the_opposite(TAG))

    watch(SCOPE, now=NOW)

    alias.refresh_from_db()
    assert alias.suspended_at == NOW
    assert alias.suspended_why.startswith("it lost to the rule: refusing ")
    assert len(alias.suspended_why) <= 200
    assert "is suspended" in Alert.objects.get(key=f"model_suspended_{model}").title
    watch(SCOPE, now=NOW + timedelta(days=1))
    assert Alert.objects.filter(key=f"model_suspended_{model}").count() == 1


def test_a_loss_over_few_outcomes_or_before_it_was_champion_suspends_nobody():
    alias = champion(SUCCESS)
    store(40, first=YESTERDAY, saying=says_the_opposite(TAG))
    watch(SCOPE, now=NOW)
    alias.refresh_from_db()
    assert alias.suspended_at is None

    ModelAlias.objects.filter(pk=alias.pk).update(moved_at=NOW)
    store(200, first=YESTERDAY + timedelta(hours=2), saying=says_the_opposite(TAG), seed=6)
    watch(SCOPE, now=NOW + timedelta(hours=1))
    alias.refresh_from_db()
    assert alias.suspended_at is None


def test_what_was_traded_by_chance_although_refused_counts_with_what_it_earned():
    """The shadow says that refusing was right; what was executed all the same says that it was not."""
    alias = champion(PROFIT)
    store(120, first=YESTERDAY, saying=says_the_opposite(TAG))
    earned = {"executed": True, "explored": True, "settled_net_usd": Decimal(2), "edge_at_latency_bps": -30}
    Sample.objects.update(**earned, scores={"expected_net_usd": -1.0, "versions": [[PROFIT.value, TAG]]})
    watch(SCOPE, now=NOW)
    alias.refresh_from_db()
    assert alias.suspended_at == NOW


def test_a_champion_that_gains_and_a_challenger_that_loses_are_left_alone():
    champion(SUCCESS)
    place(version_of(SUCCESS, scope=SCOPE, tag=OTHER_TAG), Alias.CHALLENGER)
    store(120, first=YESTERDAY, saying=in_shadow(says_the_opposite(OTHER_TAG), says_truth(TAG)))
    watch(SCOPE, now=NOW)
    assert not ModelAlias.objects.exclude(suspended_at=None).exists()
    assert not Alert.objects.exists()


def drifting(moved, importance):
    columns = np.random.default_rng(5).normal(size=(1_000, len(FEATURE_NAMES))).T
    histograms = {
        name: histogram_of(column + (3.0 if name == moved else 0.0))
        for name, column in zip(FEATURE_NAMES, columns, strict=True)
    }
    return {"drift": histograms, "importance": importance}


@pytest.mark.parametrize(
    ("count", "importance", "is_told"),
    [
        (400, {FEATURE_NAMES[3]: 0.4, FEATURE_NAMES[4]: 0.6}, True),
        (400, {FEATURE_NAMES[3]: 0.05, FEATURE_NAMES[4]: 0.95}, False),  # it hardly looks at it
        (150, {FEATURE_NAMES[3]: 1.0}, False),  # too few
        (400, {}, True),
    ],
)
def test_features_that_are_unlike_the_training_are_told_of(count, importance, is_told):
    champion(SUCCESS, metrics=drifting(FEATURE_NAMES[3], importance))
    store(count, first=YESTERDAY, saying=says_truth(TAG))
    row = next(row for row in watch(SCOPE, now=NOW) if row.model_name == SUCCESS)
    indices = row.detail["psi"]
    assert max(indices, key=indices.get) == FEATURE_NAMES[3]
    assert indices[FEATURE_NAMES[3]] > 1
    assert Alert.objects.filter(key=f"model_drift_{SUCCESS}", body__contains=FEATURE_NAMES[3]).exists() is is_told


def test_two_watches_at_once_measure_nothing_twice(monkeypatch):
    store(20, first=YESTERDAY, saying=says_truth(TAG))
    monkeypatch.setattr(locks, "advisory", lambda name: nullcontext(False))  # another session holds it
    assert watch(SCOPE, now=NOW) == []
    assert not ModelPerformance.objects.exists()
