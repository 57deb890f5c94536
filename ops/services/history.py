"""Deleting a replay: the one thing that takes rows out of history, and only those of a run that can be run again."""

from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from psycopg import sql

from domain.errors import Refused
from domain.scope import Mode, Scope
from ops.models import OperatorAction
from ops.scoped import ScopedModel

DELETED_RUN = "arbsite.deleted_run"  # the append-only triggers let go of this run's rows, in replay alone


def delete_run_history(scope: Scope) -> int:
    """Delete every row of a replay's run but the audit trail, and return how many there were.

    Raises: Refused for any other scope; TransactionManagementError outside a transaction.
    """
    if scope.mode is not Mode.REPLAY or not scope.run_id:
        raise Refused(f"{scope} is history: only a replay can be run again, so only a replay is deleted")
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a run is deleted whole or not at all: open a transaction first")
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [DELETED_RUN, scope.run_id])
        deleted = sum(_delete_from(cursor, model, scope) for model in scoped_models())
        cursor.execute("SELECT set_config(%s, '', true)", [DELETED_RUN])
    return deleted


def scoped_models() -> list[type[models.Model]]:
    """Return every table whose rows belong to a run, but the audit trail; aggregates follow by themselves."""
    return [
        model
        for model in apps.get_models()
        if issubclass(model, ScopedModel) and model._meta.managed and model is not OperatorAction
    ]


def _delete_from(cursor: Any, model: type[models.Model], scope: Scope) -> int:
    # Foreign keys are checked at the commit, so that the tables may come in any order.
    statement = sql.SQL("DELETE FROM {} WHERE mode = %s AND run_id = %s").format(sql.Identifier(model._meta.db_table))
    cursor.execute(statement, [scope.mode.value, scope.run_id])
    return int(cursor.rowcount)
