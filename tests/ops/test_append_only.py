"""History cannot be rewritten, whatever the code asks."""

import pytest
from django.db import IntegrityError, connection, transaction

from domain.errors import BadInput
from domain.scope import Mode, Scope
from ops.models import OperatorAction
from ops.services.operators import record

SIM = Scope(Mode.SIM)


@pytest.mark.django_db
def test_an_operators_action_is_neither_changed_nor_deleted():
    deed = record("ann", "halt", "the book looks odd", scope=SIM)
    for change in (
        lambda: OperatorAction.objects.filter(pk=deed.pk).update(reason="nothing"),
        lambda: OperatorAction.objects.filter(pk=deed.pk).delete(),
    ):
        with pytest.raises(IntegrityError, match="is history: rows are only added"), transaction.atomic():
            change()
    assert OperatorAction.objects.get().reason == "the book looks odd"


@pytest.mark.django_db
def test_plain_sql_is_refused_too():
    record("ann", "halt", "because", scope=SIM)
    with pytest.raises(IntegrityError, match="ops_operatoraction is history"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ops_operatoraction")


@pytest.mark.django_db
@pytest.mark.parametrize("missing", ["actor", "action", "reason"])
def test_a_deed_without_actor_action_or_reason_is_refused_by_name(missing):
    given = {"actor": "ann", "action": "halt", "reason": "because"} | {missing: "  "}
    with pytest.raises(BadInput, match=missing):
        record(**given, scope=SIM)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"actor": " "}, "operator_action_has_an_actor"),
        ({"action": ""}, "operator_action_is_named"),
        ({"reason": "\n"}, "operator_action_has_a_reason"),
        ({"mode": ""}, "ops_operatoraction_mode_is_known"),
    ],
)
def test_the_database_refuses_them_as_well(fields, constraint):
    sound = {"actor": "ann", "action": "halt", "reason": "because", "mode": "sim"}
    with pytest.raises(IntegrityError, match=constraint):
        OperatorAction.objects.create(**sound | fields)


@pytest.mark.django_db
def test_a_secret_in_the_detail_is_not_stored():
    record("ann", "set_key", "rotation", detail={"api_key": "kraken-key-123456", "venue": "kraken"}, scope=SIM)
    assert OperatorAction.objects.get().detail == {"api_key": "[redacted]", "venue": "kraken"}
