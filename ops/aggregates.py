"""The migration operation that makes an aggregate: continuous on TimescaleDB, a view with the same rows elsewhere."""

from typing import Any

from django.db.migrations.operations.base import Operation

from ops import time_bucket
from ops.series import has_community_edition, is_continuous, is_hypertable, timescale_enabled


class Aggregate(Operation):
    """Create ``name`` over a series, or over another aggregate, for models that Django does not manage.

    ``select`` names ``{time_bucket}`` where that function is meant and ``{still}`` where the condition of a view
    goes. ``still`` leaves out of the view what retention has put aside, and ``kept`` is the SELECT that brings it
    back: only a plain table loses its rows to retention together with what a view shows of them.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, name: str, *, source: str, select: str, still: str = "", kept: str = "") -> None:
        self.name = name
        self.source = source
        self.select = select
        self.still = still
        self.kept = kept

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the models' state alone: an unmanaged model stands for the aggregate."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Create the aggregate; nothing is computed yet, which a real-time aggregate makes up for."""
        connection, name = schema_editor.connection, schema_editor.quote_name(self.name)
        bucket = "time_bucket" if timescale_enabled(connection) else f"{time_bucket.SCHEMA}.time_bucket"
        if can_be_continuous(connection, self.source):
            select = self.select.format(time_bucket=bucket, still="")
            options = "timescaledb.continuous, timescaledb.materialized_only = false"
            statement = f"CREATE MATERIALIZED VIEW {name} WITH ({options}) AS {select} WITH NO DATA"
        else:
            select = self.select.format(time_bucket=bucket, still=self.still)
            statement = f"CREATE VIEW {name} AS {select}" + (f" UNION ALL {self.kept}" if self.kept else "")
        schema_editor.execute(statement, params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop the aggregate; its policies go with it."""
        kind = "MATERIALIZED VIEW" if is_continuous(schema_editor.connection, self.name) else "VIEW"
        schema_editor.execute(f"DROP {kind} IF EXISTS {schema_editor.quote_name(self.name)}", params=None)

    def describe(self) -> str:
        """Return what migrate prints."""
        return f"Create the aggregate {self.name}"


def can_be_continuous(connection: Any, source: str) -> bool:
    """Return whether an aggregate over ``source`` is continuous here."""
    return has_community_edition(connection) and (
        is_hypertable(connection, source) or is_continuous(connection, source)
    )
