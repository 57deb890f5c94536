"""TimescaleDB's own functions where it is missing: the same names in a schema of ours, on the role's search path."""

from typing import Any

from django.db.migrations.operations.base import Operation

from ops.series import timescale_enabled

SCHEMA = "stand_in"
_VALUES = ("numeric", "double precision", "bigint", "integer", "text", "boolean")

# A refusal takes the width: a call with constants alone would be carried out when a query is planned, needed or not.
_BASICS = """
CREATE FUNCTION stand_in.refuse(width interval, why text) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE EXCEPTION '%', why USING ERRCODE = 'invalid_parameter_value', DETAIL = width::text;
END $$;

CREATE FUNCTION stand_in.month_bucket(width interval, ts timestamp, origin timestamp) RETURNS timestamp
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    months numeric := extract(year FROM width) * 12 + extract(month FROM width);
    since numeric := (extract(year FROM ts) - extract(year FROM origin)) * 12
                     + extract(month FROM ts) - extract(month FROM origin);
BEGIN
    IF width <> make_interval(months => months::integer) OR extract(day FROM width) <> 0 THEN
        RETURN stand_in.refuse(width, 'month intervals cannot have day or time component');
    ELSIF months <= 0 THEN
        RETURN stand_in.refuse(width, 'period must be greater than 0');
    ELSIF NOT isfinite(ts) THEN
        RETURN ts;
    END IF;
    RETURN date_trunc('month', origin) + make_interval(months => (floor(since / months) * months)::integer);
END $$;

CREATE FUNCTION stand_in.bucket(width interval, ts timestamp, origin timestamp) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN extract(year FROM width) <> 0 OR extract(month FROM width) <> 0
            THEN stand_in.month_bucket(width, ts, coalesce(origin, '2000-01-01'))
        WHEN width <= interval '0' THEN stand_in.refuse(width, 'period must be greater than 0')
        ELSE date_bin(width, ts, coalesce(origin, '2000-01-03'))
    END
$$;

CREATE FUNCTION stand_in.daily(width interval) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN extract(year FROM width) <> 0 OR extract(month FROM width) <> 0 THEN width
        WHEN extract(epoch FROM width)::bigint % 86400 = 0 THEN width
        ELSE stand_in.refuse(width, 'interval must be a multiple of a day') - timestamp '2000-01-01'
    END
$$;
"""
# Weeks and shorter widths count from Monday, 3 January 2000, months from the first of that month, both in UTC.
_BUCKETS = """
CREATE FUNCTION stand_in.time_bucket(bucket_width interval, ts timestamp) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT stand_in.bucket(bucket_width, ts, NULL) $$;

CREATE FUNCTION stand_in.time_bucket(bucket_width interval, ts timestamp, origin timestamp) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT stand_in.bucket(bucket_width, ts, origin) $$;

CREATE FUNCTION stand_in.time_bucket(bucket_width interval, ts timestamp, "offset" interval) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT stand_in.bucket(bucket_width, ts - "offset", NULL) + "offset" $$;

CREATE FUNCTION stand_in.time_bucket(bucket_width interval, ts timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT stand_in.bucket(bucket_width, ts AT TIME ZONE 'UTC', NULL) AT TIME ZONE 'UTC'
$$;

CREATE FUNCTION stand_in.time_bucket(bucket_width interval, ts timestamptz, origin timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT stand_in.bucket(bucket_width, ts AT TIME ZONE 'UTC', origin AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
$$;

CREATE FUNCTION stand_in.time_bucket(bucket_width interval, ts timestamptz, "offset" interval) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (stand_in.bucket(bucket_width, ts AT TIME ZONE 'UTC' - "offset", NULL) + "offset") AT TIME ZONE 'UTC'
$$;

CREATE FUNCTION stand_in.time_bucket(
    bucket_width interval, ts timestamptz, timezone text,
    origin timestamptz DEFAULT NULL, "offset" interval DEFAULT NULL
) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    local timestamp := ts AT TIME ZONE timezone;
    shift interval := coalesce("offset", interval '0');
    bucket timestamp := stand_in.bucket(bucket_width, local - shift, origin AT TIME ZONE timezone) + shift;
BEGIN
    -- the hour that comes twice when summer ends: a bucket never begins after what lies in it
    IF bucket AT TIME ZONE timezone > ts THEN
        RETURN ts - (local - bucket);
    END IF;
    RETURN bucket AT TIME ZONE timezone;
END $$;

CREATE FUNCTION stand_in.time_bucket(bucket_width interval, ts date) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT stand_in.bucket(stand_in.daily(bucket_width), ts::timestamp, NULL)::date
$$;

CREATE FUNCTION stand_in.time_bucket(bucket_width interval, ts date, origin date) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT stand_in.bucket(stand_in.daily(bucket_width), ts::timestamp, origin::timestamp)::date
$$;
"""
_FIRST_AND_LAST = """
CREATE TYPE stand_in.{name} AS (value {kind}, at timestamptz);

CREATE FUNCTION stand_in.earlier(state stand_in.{name}, value {kind}, at timestamptz) RETURNS stand_in.{name}
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN at IS NULL OR (state).at <= at THEN state ELSE (value, at)::stand_in.{name} END
$$;

CREATE FUNCTION stand_in.later(state stand_in.{name}, value {kind}, at timestamptz) RETURNS stand_in.{name}
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN at IS NULL OR (state).at >= at THEN state ELSE (value, at)::stand_in.{name} END
$$;

CREATE FUNCTION stand_in.value_of(state stand_in.{name}) RETURNS {kind}
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (state).value $$;

CREATE AGGREGATE stand_in.first({kind}, timestamptz) (
    SFUNC = stand_in.earlier, STYPE = stand_in.{name}, FINALFUNC = stand_in.value_of
);

CREATE AGGREGATE stand_in.last({kind}, timestamptz) (
    SFUNC = stand_in.later, STYPE = stand_in.{name}, FINALFUNC = stand_in.value_of
);
"""
_HISTOGRAM = """
CREATE FUNCTION stand_in.counted(
    state integer[], value double precision, low double precision, high double precision, buckets integer
) RETURNS integer[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    place integer := width_bucket(value, low, high, buckets) + 1;
BEGIN
    state := coalesce(state, array_fill(0, ARRAY[buckets + 2]));
    IF place IS NOT NULL THEN
        state[place] := state[place] + 1;
    END IF;
    RETURN state;
END $$;

CREATE AGGREGATE stand_in.histogram(double precision, double precision, double precision, integer) (
    SFUNC = stand_in.counted, STYPE = integer[]
);
"""
_ENDS = "".join(_FIRST_AND_LAST.format(kind=kind, name=f"{kind.partition(' ')[0]}_at") for kind in _VALUES)
FUNCTIONS = (
    f"CREATE SCHEMA stand_in;\nGRANT USAGE ON SCHEMA stand_in TO PUBLIC;\n{_BASICS}{_BUCKETS}{_ENDS}{_HISTOGRAM}"
)

_EXISTS = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)"
_OWN_PATH = """
SELECT substr(setting, length('search_path=') + 1)
FROM pg_db_role_setting, unnest(setconfig) AS setting
WHERE setting LIKE 'search_path=%%'
  AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND setrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
"""
_USUAL_PATH = "SELECT reset_val FROM pg_settings WHERE name = 'search_path'"


class StandIn(Operation):
    """Create ``time_bucket``, ``first``, ``last`` and ``histogram`` where TimescaleDB does not bring them."""

    reversible = True
    reduces_to_sql = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the models' state alone: functions are the database's."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Create the functions, found without naming their schema from now on."""
        if timescale_enabled(schema_editor.connection):
            return
        schema_editor.execute(FUNCTIONS, params=None)
        if not schema_editor.collect_sql:
            ensure_search_path(schema_editor.connection)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop the functions; a search path may name a schema that is gone."""
        schema_editor.execute("DROP SCHEMA IF EXISTS stand_in CASCADE", params=None)

    def describe(self) -> str:
        """Return what migrate prints."""
        return "Stand in for TimescaleDB's functions where it is missing"


def ensure_search_path(connection: Any) -> bool:
    """Put the functions' schema on the role's search path in this database, and return whether it was missing.

    A dump carries the functions but not this setting: it belongs to the role.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EXISTS, [SCHEMA])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(_OWN_PATH)
        own = cursor.fetchone()
        path = own[0] if own else _usual_path(cursor)
        is_missing = own is None or SCHEMA not in _names(path)
        if is_missing:
            path = path if SCHEMA in _names(path) else f"{path}, {SCHEMA}"
            cursor.execute("SELECT quote_ident(current_database())")
            cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {cursor.fetchone()[0]} SET search_path = {path}")
        cursor.execute(f"SET search_path = {path}")
    return is_missing


def _usual_path(cursor: Any) -> str:
    cursor.execute(_USUAL_PATH)
    return str(cursor.fetchone()[0])


def _names(path: str) -> list[str]:
    return [name.strip().strip('"') for name in path.split(",")]
