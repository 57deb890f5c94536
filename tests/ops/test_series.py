"""Series: the database key holds the time, Django's stays the id, and the way back keeps every row."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from ops.append_only import AppendOnly
from ops.series import Series, timescale_enabled

pytestmark = pytest.mark.django_db(transaction=True)
APP, TABLE = "ops", "ops_reading"
JANUARY, JUNE = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
IS_HYPERTABLE = "SELECT count(*) FROM timescaledb_information.hypertables WHERE hypertable_name = %s"


@pytest.fixture
def table():
    """Create the table of a model that exists only here, and yield the model and the state it stands in."""
    state = ProjectState()
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("timestamp", models.DateTimeField()),
        ("value", models.IntegerField()),
    ]
    options = {
        "indexes": [models.Index(fields=["value", "-timestamp"], name="reading_by_value")],
        "constraints": [
            models.CheckConstraint(condition=models.Q(value__gte=0), name="reading_is_not_negative"),
            models.UniqueConstraint(fields=["value", "timestamp"], name="reading_is_taken_once"),
        ],
    }
    state.add_model(ModelState(APP, "Reading", fields, options))
    reading = state.apps.get_model(APP, "Reading")
    with connection.schema_editor() as editor:
        editor.create_model(reading)
    yield reading, state
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE} CASCADE")


@pytest.fixture
def hypertable(table):
    """Yield the model of a series that is history, on TimescaleDB alone."""
    reading, state = table
    if not timescale_enabled(connection):
        pytest.skip("this server has no TimescaleDB")
    apply(Series("Reading"), state)
    apply(AppendOnly("Reading"), state)
    return reading


def apply(operation, state, *, backwards: bool = False) -> None:
    with connection.schema_editor(atomic=True) as editor:
        step = operation.database_backwards if backwards else operation.database_forwards
        step(APP, editor, state, state)


def run(sql: str, *params) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall() if cursor.description else []


def primary_key(name: str = TABLE) -> list[str]:
    with connection.cursor() as cursor:
        return connection.introspection.get_primary_key_columns(cursor, name)


def indexes(name: str = TABLE) -> dict:
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, name)


def values(reading) -> list[int]:
    return list(reading.objects.order_by("id").values_list("value", flat=True))


def project_series() -> list[tuple[str, Series]]:
    """Return every series that a migration of this project makes, with its table."""
    loader = MigrationLoader(None)
    apps = loader.project_state().apps
    return [
        (apps.get_model(app, operation.model)._meta.db_table, operation)
        for (app, _), migration in sorted(loader.disk_migrations.items())  # read from folders, in whatever order
        for operation in migration.operations
        if isinstance(operation, Series)
    ]


def test_what_the_project_records_over_time_is_a_series():
    assert {name for name, _ in project_series()} >= {
        "arbitrage_opportunities",
        "edge_observations",
        "execution_logs",
        "market_snapshots",
        "market_volatility",
        "model_performance",
        "price_bars",
    }


@pytest.mark.parametrize(("name", "series"), [pytest.param(*found, id=found[0]) for found in project_series()])
def test_every_series_of_the_project_is_partitioned_or_indexed_by_time(name, series):
    assert primary_key(name) == ["id", series.time_column]
    if timescale_enabled(connection):
        assert run(IS_HYPERTABLE, name) == [(1,)]
    else:
        assert indexes(name)[f"{name}_{series.time_column}_brin"]["type"] == "brin"


def test_the_key_is_swapped_and_swapped_back_with_every_row_kept(table):
    reading, state = table
    series = Series("Reading")
    reading.objects.create(timestamp=JANUARY, value=1)
    apply(series, state)
    assert primary_key() == ["id", "timestamp"]
    late = reading.objects.create(timestamp=JUNE, value=2)
    assert reading.objects.get(pk=late.pk).value == 2
    apply(series, state, backwards=True)
    assert primary_key() == ["id"]
    assert values(reading) == [1, 2]
    assert reading.objects.create(timestamp="2026-07-01T00:00:00Z", value=3).pk > late.pk


def test_the_way_there_and_back_changes_no_name_and_can_be_gone_again(table):
    _, state = table
    apply(AppendOnly("Reading"), state)
    before, triggers = indexes(), triggers_of_the_table()
    for _ in range(2):
        apply(Series("Reading"), state)
        apply(Series("Reading"), state, backwards=True)
        assert indexes() == before
        assert triggers_of_the_table() == triggers


def triggers_of_the_table() -> list[tuple]:
    return run(
        "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", TABLE
    )


def test_one_id_at_one_time_is_stored_once(table):
    reading, state = table
    apply(Series("Reading"), state)
    row = reading.objects.create(timestamp=JANUARY, value=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        reading.objects.create(pk=row.pk, timestamp=row.timestamp, value=2)


def test_what_a_series_already_has_is_met_not_stored_twice(table):
    reading, state = table
    apply(Series("Reading"), state)
    first, is_new = reading.objects.get_or_create(timestamp=JANUARY, value=1, defaults={})
    assert is_new
    assert reading.objects.get_or_create(timestamp=JANUARY, value=1) == (first, False)
    reading.objects.bulk_create([reading(timestamp=JANUARY, value=1)], ignore_conflicts=True)
    reading.objects.bulk_create(
        [reading(pk=first.pk, timestamp=JANUARY, value=9), reading(pk=first.pk + 1, timestamp=JUNE, value=2)],
        update_conflicts=True,
        unique_fields=["id", "timestamp"],
        update_fields=["value"],
    )
    assert values(reading) == [9, 2]


def test_time_is_partitioned_or_indexed(table):
    _, state = table
    apply(Series("Reading"), state)
    if timescale_enabled(connection):
        assert run(IS_HYPERTABLE, TABLE) == [(1,)]
    else:
        assert indexes()[f"{TABLE}_timestamp_brin"]["type"] == "brin"
    apply(Series("Reading"), state, backwards=True)
    assert f"{TABLE}_timestamp_brin" not in indexes()


def test_a_series_can_be_history_too(table):
    reading, state = table
    apply(Series("Reading"), state)
    apply(AppendOnly("Reading"), state)
    row = reading.objects.create(timestamp=JANUARY, value=1)
    with pytest.raises(IntegrityError, match=f"{TABLE} is history"), transaction.atomic():
        reading.objects.filter(pk=row.pk).update(value=2)
    run(f"TRUNCATE {TABLE}")
    assert values(reading) == []
    reading.objects.create(pk=row.pk, timestamp=JANUARY, value=1)
    apply(AppendOnly("Reading"), state, backwards=True)
    assert reading.objects.filter(pk=row.pk).update(value=2) == 1


def test_history_is_compressed_without_a_rewrite_and_stays_history(hypertable):
    hypertable.objects.create(timestamp=JANUARY, value=1)
    run(f"ALTER TABLE {TABLE} SET (timescaledb.compress, timescaledb.compress_segmentby = 'value')")
    assert len(run(f"SELECT compress_chunk(c) FROM show_chunks('{TABLE}') c")) == 1
    for change in ("UPDATE {} SET value = 2", "DELETE FROM {}", "DELETE FROM {} WHERE value = 1"):
        with pytest.raises(IntegrityError, match=f"{TABLE} is history"), transaction.atomic():
            run(change.format(TABLE))
    hypertable.objects.create(timestamp="2026-01-01T01:00:00Z", value=1)
    run(f"SELECT compress_chunk(c) FROM show_chunks('{TABLE}') c")
    run(f"SELECT decompress_chunk(c) FROM show_chunks('{TABLE}') c")
    assert values(hypertable) == [1, 1]


def test_a_compressed_series_goes_back_to_an_ordinary_table(table, hypertable):
    _, state = table
    hypertable.objects.create(timestamp=JANUARY, value=1)
    hypertable.objects.create(timestamp=JUNE, value=2)
    run(f"ALTER TABLE {TABLE} SET (timescaledb.compress)")
    run(f"SELECT compress_chunk(c) FROM show_chunks('{TABLE}', older_than => '2026-03-01'::timestamptz) c")
    apply(Series("Reading"), state, backwards=True)
    assert values(hypertable) == [1, 2]
    assert run(IS_HYPERTABLE, TABLE) == [(0,)]


def test_retention_drops_whole_chunks_of_history(hypertable):
    hypertable.objects.create(timestamp=JANUARY, value=1)
    hypertable.objects.create(timestamp=JUNE, value=2)
    assert len(run(f"SELECT drop_chunks('{TABLE}', older_than => '2026-03-01'::timestamptz)")) == 1
    assert values(hypertable) == [2]


@pytest.mark.parametrize("backwards", [False, True])
def test_what_a_migration_would_do_is_printed_without_doing_it(backwards):
    app, name = next(key for key, found in MigrationLoader(None).disk_migrations.items() if has_series(found))
    tables = connection.introspection.table_names()
    printed = StringIO()
    call_command("sqlmigrate", app, name, backwards=backwards, stdout=printed)
    assert "ADD CONSTRAINT" in printed.getvalue()
    assert connection.introspection.table_names() == tables


def has_series(migration) -> bool:
    return any(isinstance(operation, Series) for operation in migration.operations)
