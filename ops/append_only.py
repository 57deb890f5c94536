"""The migration operation that makes a table history: rows are added and never changed."""

from typing import Any

from django.db.migrations.operations.base import Operation

FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('arbsite.deleted_run', true) <> '' THEN
        IF OLD.mode = 'replay' AND OLD.run_id = current_setting('arbsite.deleted_run')
            AND TG_ARGV[0] <> 'ops_operatoraction' THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP = 'DELETE' AND TG_ARGV[0] IN ('execution_logs', 'model_performance')
        AND current_setting('arbsite.deleted_before', true) <> '' THEN
        IF OLD.timestamp < current_setting('arbsite.deleted_before')::timestamptz THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% is history: rows are only added', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$
"""


class AppendOnly(Operation):
    """Refuse UPDATE and DELETE on a model's table by a trigger; the ORM then raises IntegrityError.

    TRUNCATE and TimescaleDB's drop_chunks still work: they are how tests and retention empty a table. A replay that is
    deleted as a whole, in a transaction that names its run, is let go too: it can be run again. The audit trail is not.
    So are rows of series that are older than what retention, in its transaction, says it deletes.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, model: str) -> None:
        self.model = model

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the models' state alone: the trigger is the database's."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Create the trigger."""
        table, trigger = self._names(app_label, to_state, schema_editor)
        told = schema_editor.quote_value(self._table(app_label, to_state))  # a hypertable's rows would name their chunk
        schema_editor.execute(FUNCTION, params=None)
        schema_editor.execute(
            f"CREATE TRIGGER {trigger} BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION refuse_change_of_history({told})",
            params=None,
        )

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop the trigger; the function stays for the other tables."""
        table, trigger = self._names(app_label, from_state, schema_editor)
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {table}", params=None)

    def describe(self) -> str:
        """Return what migrate prints."""
        return f"Make {self.model} append-only"

    def _names(self, app_label: str, state: Any, schema_editor: Any) -> tuple[str, str]:
        table, quote = self._table(app_label, state), schema_editor.quote_name
        return quote(table), quote(f"{table}_is_append_only")

    def _table(self, app_label: str, state: Any) -> str:
        return str(state.apps.get_model(app_label, self.model)._meta.db_table)
