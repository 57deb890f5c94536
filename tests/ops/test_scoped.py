"""Scoped rows: chosen by mode and run, and never without their constraint."""

import pytest
from django.apps import apps
from django.db import models

from domain.scope import Mode, Scope
from ops.checks import scoped_models_keep_their_constraint
from ops.models import Alert
from ops.scoped import ScopedModel


@pytest.mark.django_db
def test_a_scope_holds_its_own_rows_alone():
    for scope in (Scope(Mode.SIM), Scope(Mode.SIM, "r1"), Scope(Mode.DRY_RUN)):
        Alert.objects.create(key=str(scope), level="info", title="t", **scope.columns)
    assert [row.key for row in Alert.objects.in_scope(Scope(Mode.SIM))] == ["sim"]
    assert {row.key for row in Alert.objects.in_mode(Mode.SIM)} == {"sim", "sim/r1"}
    assert Alert.objects.get(key="sim/r1").scope == Scope(Mode.SIM, "r1")


def test_every_scoped_model_of_the_project_constrains_its_mode():
    assert scoped_models_keep_their_constraint(None) == []


def test_a_scoped_model_that_forgot_its_constraint_is_an_error(monkeypatch):
    class Forgetful(ScopedModel):
        class Meta(ScopedModel.Meta):
            app_label = "ops"
            constraints: list[models.CheckConstraint] = []

    try:
        assert [message.id for message in scoped_models_keep_their_constraint(None)] == ["ops.E001"]
    finally:
        del apps.all_models["ops"]["forgetful"]
        apps.clear_cache()
