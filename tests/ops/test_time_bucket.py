"""What stands in for TimescaleDB's functions gives what they give."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from ops.series import timescale_enabled
from ops.time_bucket import FUNCTIONS, SCHEMA, ensure_search_path

pytestmark = pytest.mark.django_db
WIDTHS = (
    "1 minute", "5 minutes", "7 minutes", "1 hour", "36 hours", "1 day", "3 days", "1 week", "2 weeks", "1 day 90 minutes",
    "1 month", "3 months", "5 months", "1 year", "7 years",
)  # fmt: skip
DAILY = ("1 day", "48 hours", "3 days", "1 week", "1 month", "3 months", "1 year")
INSTANTS = (
    "1969-07-20 20:17:40.123456", "1999-12-31 23:59:59.999999", "2000-01-01 00:00", "2000-01-02 23:59:59", "2000-01-03 00:00",
    "2024-02-29 12:34:56.789", "2026-03-08 07:30", "2026-11-01 05:59:59", "2026-11-22 20:00:00", "infinity", "-infinity",
)  # fmt: skip
KNOWN = (  # worked out by hand
    ("1 hour", "2024-02-29 12:34:56.789", "2024-02-29 12:00:00"),
    ("1 week", "2026-11-22 20:00:00", "2026-11-16 00:00:00"),
    ("5 minutes", "1969-07-20 20:17:40.123456", "1969-07-20 20:15:00"),
    ("1 month", "2024-02-29 12:34:56.789", "2024-02-01 00:00:00"),
    ("3 months", "1999-12-31 23:59:59.999999", "1999-10-01 00:00:00"),
    ("7 years", "2024-02-29 12:34:56.789", "2021-01-01 00:00:00"),
)
IN_UTC = "(instant || ' UTC')::timestamptz"
CALLS = {
    "timestamptz": f"{{}}.time_bucket(width::interval, {IN_UTC})",
    "timestamp": "{}.time_bucket(width::interval, instant::timestamp)",
    "timestamptz from an origin": f"{{}}.time_bucket(width::interval, {IN_UTC}, timestamptz '2001-05-17 03:10+02')",
    "timestamp from an origin": "{}.time_bucket(width::interval, instant::timestamp, timestamp '2001-05-17 03:10')",
    "timestamptz with an offset": f"{{}}.time_bucket(width::interval, {IN_UTC}, interval '95 minutes')",
    "timestamptz in a time zone": f"{{}}.time_bucket(width::interval, {IN_UTC}, 'America/New_York')",
}
REFUSED = (
    ("time_bucket(interval '1 month 1 day', timestamptz '2024-02-15')", "month intervals cannot have day or time"),
    ("time_bucket(interval '0', timestamptz '2024-02-15')", "period must be greater than 0"),
    ("time_bucket(interval '-1 month', timestamptz '2024-02-15')", "period must be greater than 0"),
    ("time_bucket(interval '36 hours', date '2024-02-15')", "interval must be a multiple of a day"),
)


@pytest.fixture
def stand_in(db):
    """Have our functions on either server; on TimescaleDB they are gone again with the test's transaction."""
    if timescale_enabled(connection):
        with connection.cursor() as cursor:
            cursor.execute(FUNCTIONS)


@pytest.fixture
def both(stand_in):
    """Leave a test out where there is no TimescaleDB to compare with."""
    if not timescale_enabled(connection):
        pytest.skip("this server has no TimescaleDB")


def ask(sql: str, *params):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", params or None)
        return cursor.fetchone()[0]


def differences(given: str, call: str) -> list[tuple]:
    """Return the rows of ``given`` for which the real function and ours differ."""
    real, ours = (call.format(schema) for schema in ("public", SCHEMA))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT *, ({real})::text, ({ours})::text FROM {given} WHERE ({real}) IS DISTINCT FROM ({ours})"
        )
        return cursor.fetchall()


def given(widths, instants) -> str:
    return f"unnest(ARRAY{list(widths)}) AS width, unnest(ARRAY{list(instants)}) AS instant"


@pytest.mark.parametrize(("width", "instant", "bucket"), KNOWN)
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp"])
def test_a_bucket_begins_where_it_should(stand_in, width, instant, bucket, kind):
    found = ask(f"{SCHEMA}.time_bucket(%s::interval, %s::{kind})::text", width, instant)
    assert found.removesuffix("+00") == bucket


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_buckets_of_instants_are_those_of_timescaledb(both, call):
    odd = {"7 minutes"} if "New_York" in call else set()  # it straddles the hour that comes twice
    assert differences(given([width for width in WIDTHS if width not in odd], INSTANTS), call) == []


@pytest.mark.parametrize("origin", ["", ", date '2001-05-17'"])
def test_buckets_of_days_are_those_of_timescaledb(both, origin):
    days = [instant.partition(" ")[0] for instant in INSTANTS]
    assert differences(given(DAILY, days), f"{{}}.time_bucket(width::interval, instant::date{origin})") == []


@pytest.mark.parametrize(("call", "why"), REFUSED)
def test_a_width_that_is_none_is_refused_as_by_timescaledb(stand_in, call, why):
    for schema in {SCHEMA} | ({"public"} if timescale_enabled(connection) else set()):
        with pytest.raises(DatabaseError, match=why), transaction.atomic():
            ask(f"{schema}.{call}")


def test_nothing_given_gives_nothing(stand_in):
    assert ask(f"{SCHEMA}.time_bucket(NULL, now())") is None
    assert ask(f"{SCHEMA}.time_bucket(interval '1 hour', NULL::timestamptz)") is None


def test_first_last_and_histogram_are_those_of_timescaledb(stand_in):
    rows = "(VALUES (1.5, 3), (2.5, 1), (-4, 9), (7, NULL), (NULL, 5)) AS given (value, hours)"
    found = {}
    for schema in {SCHEMA} | ({"public"} if timescale_enabled(connection) else set()):
        at = "timestamptz '2026-01-01' + hours * interval '1 hour'"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {schema}.first(value, {at}), {schema}.last(value, {at}), "
                f"{schema}.histogram(value, 0, 6, 3) FILTER (WHERE value IS NOT NULL) FROM {rows}"
            )
            found[schema] = cursor.fetchone()
    assert set(map(str, found.values())) == {str((Decimal("2.5"), Decimal(-4), [1, 1, 1, 0, 1]))}


@pytest.mark.parametrize("kind", ["numeric", "double precision", "bigint", "integer", "text", "boolean"])
def test_first_and_last_keep_the_kind_of_a_value(stand_in, kind):
    assert ask(f"pg_typeof({SCHEMA}.first('1'::{kind}, now()))::text") == kind


def test_the_names_are_found_without_their_schema(db):
    assert ask("time_bucket('1 month', timestamptz '2026-11-22')::date::text") == "2026-11-01"
    assert ask("first(3, now())") == 3


def test_the_search_path_stays_the_roles_own_and_is_said_once(db):
    assert ensure_search_path(connection) is False
    if not timescale_enabled(connection):
        assert ask("current_setting('search_path')") == '"$user", public, stand_in'


def test_a_search_path_that_was_forgotten_is_set_again(db):
    if timescale_enabled(connection):
        pytest.skip("this server needs no search path of ours")
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {name} RESET search_path")
        cursor.execute("SET search_path = public")
    assert ensure_search_path(connection) is True
    assert ensure_search_path(connection) is False
    assert "stand_in" in ask("current_setting('search_path')")
