"""Series: the database key holds the time, Django's stays the id, and the way back keeps every row."""

import pytest
from django.db import IntegrityError, connection, migrations, models, transaction
from django.db.migrations.state import ModelState, ProjectState

from ops.append_only import AppendOnly
from ops.series import Series, timescale_enabled

pytestmark = pytest.mark.django_db(transaction=True)
APP, TABLE = "ops", "ops_reading"


@pytest.fixture
def table():
    """Create the table of a model that exists only here, and yield the model and the state it stands in."""
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("timestamp", models.DateTimeField()),
        ("value", models.IntegerField()),
    ]
    state.add_model(ModelState(APP, "Reading", fields))
    with connection.schema_editor() as editor:
        migrations.CreateModel("Reading", fields).database_forwards(APP, editor, ProjectState(), state)
    yield state.apps.get_model(APP, "Reading"), state
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE} CASCADE")


def apply(operation, state, *, backwards: bool = False) -> None:
    with connection.schema_editor(atomic=True) as editor:
        step = operation.database_backwards if backwards else operation.database_forwards
        step(APP, editor, state, state)


def primary_key() -> list[str]:
    with connection.cursor() as cursor:
        return connection.introspection.get_primary_key_columns(cursor, TABLE)


def indexes() -> dict:
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, TABLE)


def test_the_key_is_swapped_and_swapped_back_with_every_row_kept(table):
    reading, state = table
    series = Series("Reading")
    reading.objects.create(timestamp="2026-01-01T00:00:00Z", value=1)
    apply(series, state)
    assert primary_key() == ["id", "timestamp"]
    late = reading.objects.create(timestamp="2026-06-01T00:00:00Z", value=2)
    assert reading.objects.get(pk=late.pk).value == 2
    apply(series, state, backwards=True)
    assert primary_key() == ["id"]
    assert list(reading.objects.order_by("id").values_list("value", flat=True)) == [1, 2]
    assert reading.objects.create(timestamp="2026-07-01T00:00:00Z", value=3).pk > late.pk


def test_one_id_at_one_time_is_stored_once(table):
    reading, state = table
    apply(Series("Reading"), state)
    row = reading.objects.create(timestamp="2026-01-01T00:00:00Z", value=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        reading.objects.create(pk=row.pk, timestamp=row.timestamp, value=2)


def test_time_is_partitioned_or_indexed(table):
    _, state = table
    apply(Series("Reading"), state)
    if timescale_enabled(connection):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM timescaledb_information.hypertables WHERE hypertable_name = %s", [TABLE]
            )
            assert cursor.fetchone()[0] == 1
    else:
        assert indexes()[f"{TABLE}_timestamp_brin"]["type"] == "brin"
    apply(Series("Reading"), state, backwards=True)
    assert f"{TABLE}_timestamp_brin" not in indexes()


def test_a_series_can_be_history_too(table):
    reading, state = table
    apply(Series("Reading"), state)
    apply(AppendOnly("Reading"), state)
    row = reading.objects.create(timestamp="2026-01-01T00:00:00Z", value=1)
    with pytest.raises(IntegrityError, match="is history"), transaction.atomic():
        reading.objects.filter(pk=row.pk).update(value=2)
    apply(AppendOnly("Reading"), state, backwards=True)
    assert reading.objects.filter(pk=row.pk).update(value=2) == 1
