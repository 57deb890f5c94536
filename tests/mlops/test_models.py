"""Every constraint of the models app's tables, attacked."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from domain.scope import Mode
from mlops.models import ModelAlias, ModelPerformance, ModelVersion, Sample, ServedModel, TrainingAttempt

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
MODE = {"mode": "sim", "run_id": ""}
LIVE = {"mode": "live"}
NAN, INFINITE = float("nan"), float("inf")
NEAR_MISS = {"kind": "near_miss", "opportunity_id": None}
SOUND = {
    Sample: {
        **MODE,
        "kind": "opportunity",
        "route_key": "kraken:BTC/USD>alpaca:BTC/USD",
        "symbol": "BTC/USD",
        "opportunity_id": 1,
        "timestamp": NOW,
        "feature_set": "v1",
        "feature_hash": "abc",
        "features": {"net_bps": 1.0},
        "net_bps": 1.0,
        "notional_usd": Decimal(500),
    },
    ModelVersion: {
        **MODE,
        "model_name": "profit_maximizer",
        "tag": "20260311_120000",
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=14),
        "feature_set": "v1",
        "feature_hash": "abc",
        "seed": 0,
        "data_from": NOW - timedelta(days=2),
        "data_to": NOW - timedelta(days=1),
        "n_samples": 200,
        "n_executed": 60,
        "file_hash": "0" * 64,
        "has_skill": True,
    },
    ModelAlias: {**MODE, "model_name": "profit_maximizer", "alias": "champion", "moved_at": NOW},
    ServedModel: {
        **MODE,
        "process": "stream:sim",
        "model_name": "profit_maximizer",
        "alias": "champion",
        "tag": "20260311_120000",
        "since": NOW,
        "seen_at": NOW,
    },
    ModelPerformance: {**MODE, "timestamp": NOW, "model_name": "profit_maximizer", "model_version": "1", "n": 10},
    TrainingAttempt: {**MODE, "attempted_at": NOW, "model_name": "profit_maximizer", "n_samples": 3, "why": "too few"},
}


def store(model, **changes):
    """A sound row but for the changes; an alias gets a version to stand for."""
    row = SOUND[model] | changes
    if model is ModelAlias:
        row.setdefault("version", version_of())
    return model.objects.create(**row)


def version_of():
    return ModelVersion.objects.first() or store(ModelVersion)


@pytest.mark.parametrize(
    ("model", "name", "changes"),
    [
        (Sample, "sample_resolution_is_a_number_from_zero", {"resolution_s": -1}),
        (Sample, "sample_resolution_is_a_number_from_zero", {"resolution_s": NAN}),
        *(
            (Sample, f"sample_{name}_is_a_number", {column: value} | {"executed": True})
            for name, column in (
                ("net_edge", "net_bps"),
                ("edge_at_latency", "edge_at_latency_bps"),
                ("slippage", "slippage_bps"),
            )
            for value in (NAN, INFINITE, -INFINITE)
        ),
        *(
            (Sample, "sample_fillable_share_is_from_zero", {"fillable_share_at_latency": value})
            for value in (-0.1, NAN, INFINITE)
        ),
        (Sample, "only_an_executed_sample_has_a_result", {"settled_net_usd": Decimal(1)}),
        (Sample, "only_an_executed_sample_has_a_result", {"slippage_bps": 1.0}),
        (Sample, "sample_names_its_route_and_feature_set", {"feature_set": ""}),
        (Sample, "sample_names_its_route_and_feature_set", {"feature_hash": ""}),
        (Sample, "sample_names_its_route_and_feature_set", {"route_key": ""}),
        (Sample, "near_miss_is_never_traded", {"kind": "near_miss"}),
        (Sample, "near_miss_is_never_traded", {"opportunity_id": None}),
        (Sample, "near_miss_is_never_traded", {**NEAR_MISS, "executed": True}),
        (Sample, "near_miss_is_never_traded", {**NEAR_MISS, "explored": True}),
        (Sample, "near_miss_is_never_traded", {"kind": "guess"}),
        (Sample, "mlops_sample_mode_is_known", {"mode": "fun"}),
        (ModelVersion, "version_tag_is_an_instant", {"tag": "newest"}),
        (ModelVersion, "version_tag_is_an_instant", {"tag": "20260311-120000"}),
        (ModelVersion, "version_file_hash_is_sha256", {"file_hash": "0" * 63}),
        (ModelVersion, "version_file_hash_is_sha256", {"file_hash": "../" + "0" * 61}),
        (ModelVersion, "version_names_its_features", {"feature_hash": ""}),
        (ModelVersion, "version_was_trained_on_something", {"n_samples": 0}),
        (ModelVersion, "version_data_ends_after_it_begins", {"data_to": NOW - timedelta(days=3)}),
        (ModelVersion, "synthetic_version_is_never_live", {**LIVE, "is_synthetic": True}),
        (ModelVersion, "mlops_modelversion_mode_is_known", {"mode": "fun"}),
        (ModelAlias, "synthetic_model_never_serves_live", {**LIVE, "is_synthetic": True}),
        (ModelAlias, "suspension_says_why", {"suspended_at": NOW}),
        (ModelAlias, "suspension_says_why", {"suspended_why": "it lost to the rule"}),
        (ModelAlias, "mlops_modelalias_mode_is_known", {"mode": "fun"}),
        (ServedModel, "what_serves_nothing_says_why", {"tag": ""}),
        (TrainingAttempt, "attempt_trained_or_says_why", {"why": ""}),
        (TrainingAttempt, "attempt_trained_or_says_why", {"tag": "20260311_120000"}),
        (TrainingAttempt, "mlops_trainingattempt_mode_is_known", {"mode": "fun"}),
        (ServedModel, "mlops_servedmodel_mode_is_known", {"mode": "fun"}),
        *(
            (ModelPerformance, f"model_performance_{share}_is_a_share", {share: value})
            for share in ("accuracy", "precision", "recall", "f1", "brier")
            for value in (-0.1, 1.1, NAN)
        ),
        *(
            (ModelPerformance, f"model_performance_{column}_is_from_zero", {column: value})
            for column in ("mae", "mean_percent_error")
            for value in (-1, NAN, INFINITE)
        ),
        (ModelPerformance, "model_performance_correlation_is_from_minus_one_to_one", {"correlation": 1.1}),
        (ModelPerformance, "model_performance_correlation_is_from_minus_one_to_one", {"correlation": NAN}),
        (ModelPerformance, "model_performance_was_measured_on_something", {"n": 0}),
        (ModelPerformance, "model_performance_names_its_model", {"model_name": ""}),
        (ModelPerformance, "model_performance_names_its_model", {"model_version": ""}),
        (ModelPerformance, "mlops_modelperformance_mode_is_known", {"mode": "fun"}),
    ],
)
def test_a_row_that_breaks_its_constraint_is_refused(model, name, changes):
    if model is ModelAlias:
        version_of()
    with pytest.raises(IntegrityError, match=f'"{name}"'):
        store(model, **changes)


@pytest.mark.parametrize("model", [ModelVersion, ModelAlias])
def test_what_was_trained_on_a_simulated_market_may_serve_anywhere_but_live(model):
    assert store(model, is_synthetic=True).pk


LATER = {"timestamp": NOW + timedelta(seconds=1)}


@pytest.mark.parametrize(
    ("model", "name", "changes"),
    [
        (Sample, "route_is_sampled_once_at_an_instant", NEAR_MISS),
        (Sample, "opportunity_is_sampled_once", LATER),
        (ModelAlias, "alias_names_one_version_in_a_scope", {}),
        (ServedModel, "process_serves_one_version_per_alias", {"tag": "20260312_120000"}),
    ],
)
def test_a_second_row_of_the_same_name_is_refused_within_a_scope_alone(model, name, changes):
    store(model)
    store(model, mode="replay", run_id="run-1")
    with pytest.raises(IntegrityError, match=f'"{name}"'):
        store(model, **changes)


def test_near_misses_need_no_opportunity_of_their_own():
    store(Sample, **NEAR_MISS)
    store(Sample, **NEAR_MISS, **LATER)
    assert Sample.objects.filter(kind="near_miss").count() == 2


def test_a_tag_names_one_version_of_a_model_whatever_the_scope():
    store(ModelVersion)
    store(ModelVersion, model_name="slippage_predictor")
    with pytest.raises(IntegrityError, match='"version_tag_names_one_version"'):
        store(ModelVersion, mode="replay", run_id="run-1")


@pytest.mark.parametrize("column", ["settled_net_usd", "notional_usd"])
def test_a_sample_never_holds_money_that_is_not_a_number(column):
    row = store(Sample, executed=True)
    with pytest.raises(IntegrityError, match='"sample_money_is_a_number"'), connection.cursor() as cursor:
        cursor.execute(f"UPDATE mlops_sample SET {column} = 'NaN' WHERE id = %s", [row.pk])


@pytest.mark.parametrize("column", ["avg_actual_profit", "avg_predicted_profit"])
def test_a_performance_never_holds_a_profit_that_is_not_a_number(column):
    row = SOUND[ModelPerformance] | {"alias": "", "detail": "{}", column: "NaN"}
    places = ", ".join(["%s"] * len(row))
    with (
        pytest.raises(IntegrityError, match='"model_performance_profits_are_numbers"'),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"INSERT INTO model_performance ({', '.join(row)}) VALUES ({places})", list(row.values()))


def test_the_seeds_query_of_model_performance_runs_as_printed():
    ModelPerformance.objects.create(**SOUND[ModelPerformance], accuracy=0.6, avg_actual_profit=Decimal("1.5"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT model_name, accuracy, avg_actual_profit, timestamp\nFROM model_performance\n"
            "ORDER BY timestamp DESC\nLIMIT 10;"
        )
        assert cursor.fetchall() == [("profit_maximizer", 0.6, Decimal("1.5"), NOW)]


@pytest.mark.parametrize("deed", ["update", "delete"])
def test_measured_performance_is_neither_changed_nor_deleted(deed):
    ModelPerformance.objects.create(**SOUND[ModelPerformance])
    with pytest.raises(IntegrityError, match="is history"), transaction.atomic():
        if deed == "update":
            ModelPerformance.objects.update(n=99)
        else:
            ModelPerformance.objects.all().delete()
    assert ModelPerformance.objects.in_mode(Mode.SIM).get().n == 10


@pytest.mark.parametrize("model", [Sample, ModelPerformance])
def test_the_admin_lists_and_shows_rows_and_adds_none(client, model):
    client.force_login(User.objects.create_superuser("ann", password="correct horse"))
    row = model.objects.create(**SOUND[model])
    name = model._meta.model_name

    assert client.get(reverse(f"admin:mlops_{name}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:mlops_{name}_change", args=[row.pk])).status_code == 200
    assert client.get(reverse(f"admin:mlops_{name}_add")).status_code == 403
