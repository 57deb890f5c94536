"""Every constraint of the models app's tables, attacked."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from domain.scope import Mode
from mlops.models import ModelPerformance, Sample

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
MODE = {"mode": "sim", "run_id": ""}
SOUND = {
    Sample: {
        **MODE,
        "opportunity_id": 1,
        "timestamp": NOW,
        "feature_set": "v1",
        "feature_hash": "abc",
        "features": {"net_bps": 1.0},
    },
    ModelPerformance: {**MODE, "timestamp": NOW, "model_name": "profit_maximizer", "model_version": "1", "n": 10},
}
NAN = float("nan")


@pytest.mark.parametrize(
    ("model", "name", "changes"),
    [
        (Sample, "sample_resolution_is_a_number_from_zero", {"resolution_s": -1}),
        (Sample, "sample_resolution_is_a_number_from_zero", {"resolution_s": NAN}),
        (Sample, "sample_edge_is_a_number", {"edge_at_latency_bps": NAN}),
        (Sample, "sample_edge_is_a_number", {"edge_at_latency_bps": float("inf")}),
        (Sample, "sample_edge_is_a_number", {"edge_at_latency_bps": float("-inf")}),
        (Sample, "only_an_executed_sample_has_a_net", {"settled_net_usd": Decimal(1)}),
        (Sample, "sample_names_its_feature_set", {"feature_set": ""}),
        (Sample, "sample_names_its_feature_set", {"feature_hash": ""}),
        (Sample, "mlops_sample_mode_is_known", {"mode": "fun"}),
        *(
            (ModelPerformance, f"model_performance_{share}_is_a_share", {share: value})
            for share in ("accuracy", "precision", "recall", "f1")
            for value in (-0.1, 1.1, NAN)
        ),
        (ModelPerformance, "model_performance_mae_is_from_zero", {"mae": -1}),
        (ModelPerformance, "model_performance_mae_is_from_zero", {"mae": NAN}),
        (ModelPerformance, "model_performance_correlation_is_from_minus_one_to_one", {"correlation": 1.1}),
        (ModelPerformance, "model_performance_correlation_is_from_minus_one_to_one", {"correlation": NAN}),
        (ModelPerformance, "model_performance_was_measured_on_something", {"n": 0}),
        (ModelPerformance, "model_performance_names_its_model", {"model_name": ""}),
        (ModelPerformance, "model_performance_names_its_model", {"model_version": ""}),
        (ModelPerformance, "mlops_modelperformance_mode_is_known", {"mode": "fun"}),
    ],
)
def test_a_row_that_breaks_its_constraint_is_refused(model, name, changes):
    with pytest.raises(IntegrityError, match=f'"{name}"'):
        model.objects.create(**SOUND[model] | changes)


def test_a_second_sample_of_an_opportunity_is_refused_within_a_scope_alone():
    Sample.objects.create(**SOUND[Sample])
    Sample.objects.create(**SOUND[Sample] | {"mode": "replay", "run_id": "run-1"})
    with pytest.raises(IntegrityError, match='"opportunity_is_sampled_once"'):
        Sample.objects.create(**SOUND[Sample])


def test_a_sample_never_holds_a_net_that_is_not_a_number():
    row = Sample.objects.create(**SOUND[Sample] | {"executed": True})
    with pytest.raises(IntegrityError, match='"sample_net_is_a_number"'), connection.cursor() as cursor:
        cursor.execute("UPDATE mlops_sample SET settled_net_usd = 'NaN' WHERE id = %s", [row.pk])


@pytest.mark.parametrize("column", ["avg_actual_profit", "avg_predicted_profit"])
def test_a_performance_never_holds_a_profit_that_is_not_a_number(column):
    row = SOUND[ModelPerformance] | {column: "NaN"}
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
