"""A replay can be deleted, being a run that can be made again; nothing else is ever taken out of history."""

import pytest
from django.db import IntegrityError, connection, transaction

from domain.errors import Refused
from domain.scope import Mode, Scope
from ops.models import OperatorAction
from ops.services.history import DELETED_RUN, delete_run_history, scoped_models
from ops.services.operators import record
from trading.models import ExecutionLog

REPLAY, OTHER, DRY_RUN = Scope(Mode.REPLAY, "r1"), Scope(Mode.REPLAY, "r2"), Scope(Mode.DRY_RUN)

pytestmark = pytest.mark.django_db


def append(scope: Scope) -> None:
    ExecutionLog.objects.create(
        **scope.columns,
        timestamp="2026-01-01T00:00Z",
        execution_id=1,
        symbol="BTC/USD",
        route_key="a>b",
        state="settled",
        success=True,
        profit_usd=1,
        fees_usd=0,
    )


def test_a_replay_goes_whole_and_the_audit_trail_stays():
    for scope in (REPLAY, OTHER, DRY_RUN):
        append(scope)
        record("ann", "look", "why not", scope=scope)
    assert delete_run_history(REPLAY) == 1
    assert {row.scope for row in ExecutionLog.objects.all()} == {OTHER, DRY_RUN}
    assert OperatorAction.objects.count() == 3


@pytest.mark.parametrize("scope", [DRY_RUN, Scope(Mode.LIVE), Scope(Mode.SIM, "s1"), Scope(Mode.REPLAY)])
def test_any_other_scope_is_refused(scope):
    append(scope)
    with pytest.raises(Refused, match="only a replay is deleted"):
        delete_run_history(scope)
    assert ExecutionLog.objects.count() == 1


@pytest.mark.parametrize("named", ["", "r2", "r1"])
def test_the_database_lets_go_of_the_named_replay_alone(named):
    append(REPLAY)
    append(DRY_RUN)
    record("ann", "look", "why not", scope=REPLAY)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [DELETED_RUN, named])
    for rows in (ExecutionLog.objects.in_scope(DRY_RUN), OperatorAction.objects.in_scope(REPLAY)):
        with pytest.raises(IntegrityError, match="is history"), transaction.atomic():
            rows.delete()
    with pytest.raises(IntegrityError, match="is history"), transaction.atomic():
        ExecutionLog.objects.in_scope(REPLAY).update(profit_usd=2)
    if named == "r1":
        assert ExecutionLog.objects.in_scope(REPLAY).delete()[0] == 1
    else:
        with pytest.raises(IntegrityError, match="is history"), transaction.atomic():
            ExecutionLog.objects.in_scope(REPLAY).delete()


def test_the_leave_to_delete_ends_with_the_deletion():
    append(REPLAY)
    delete_run_history(REPLAY)
    append(REPLAY)
    with pytest.raises(IntegrityError, match="is history"), transaction.atomic():
        ExecutionLog.objects.in_scope(REPLAY).delete()


def test_every_table_with_a_run_is_among_the_deleted_but_the_audit_trail():
    names = {model.__name__ for model in scoped_models()}
    assert names > {"Run", "BacktestReport", "Opportunity", "StateEvent", "Outcome", "Sample", "Alert", "Balance"}
    assert "OperatorAction" not in names
