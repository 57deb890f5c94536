"""The role that dashboards read with: what it may read, and everything else that it tries in vain."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection, connections, transaction
from psycopg import errors, sql

from arbsite.dashboards.role import SETTINGS, become, ensure_role
from domain.errors import Refused
from domain.secret import Secret
from ops.models import Canary

PASSWORD = Secret("a password, that's \\ not plain %s")


@pytest.fixture(scope="module")
def role(django_db_setup: None, django_db_blocker) -> Iterator[str]:
    """A role of this test database's own: roles are the whole server's."""
    with django_db_blocker.unblock():
        name = f"reads_{connection.settings_dict['NAME']}"
        ensure_role(connection, user=name, password=PASSWORD)
        yield name
        with connection.cursor() as cursor:
            for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
                cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))
        connection.close()


@pytest.fixture
def login(role: str) -> Iterator[psycopg.Connection]:
    with _log_in(role) as session:
        yield session


def _log_in(role: str, password: Secret = PASSWORD) -> psycopg.Connection:
    ours = connection.settings_dict
    return psycopg.connect(
        host=ours["HOST"],
        port=ours["PORT"],
        dbname=ours["NAME"],
        user=role,
        password=password.reveal(),
        autocommit=True,
    )


def _value(session: psycopg.Connection, query: str) -> object:
    return session.execute(query).fetchone()[0]


def test_the_role_reads_every_view_by_its_plain_name(login):
    views = [name for (name,) in login.execute("SELECT viewname FROM pg_views WHERE schemaname = 'dashboards'")]
    assert len(views) >= 29
    for view in views:
        login.execute(sql.SQL("SELECT * FROM {} LIMIT 1").format(sql.Identifier(view)))


def test_every_view_names_mode_and_run(login):
    without = login.execute(
        "SELECT viewname FROM pg_views WHERE schemaname = 'dashboards' AND NOT EXISTS (SELECT FROM "
        "information_schema.columns WHERE table_name = viewname AND table_schema = 'dashboards' "
        "AND column_name = 'run_id')"
    ).fetchall()
    assert without == [("daily_profitability",)] or without == []


def test_no_view_shows_what_may_hold_a_secret(login):
    hidden = {"books", "features", "body", "failure", "detail", "payload", "settings", "mirror_error"}
    allowed = {("model_performance", "detail"), ("ml_training_data", "features")}  # figures alone
    columns = login.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'dashboards'"
    )
    assert {(view, column) for view, column in columns if column in hidden} <= allowed


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM public.ops_alert",
        "SELECT * FROM public.arbitrage_opportunities",
        "SELECT * FROM public.auth_user",
        "SELECT * FROM public.django_session",
        "SELECT rolpassword FROM pg_authid",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('PG_VERSION')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_creat(-1)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_xact_lock(1)",
        "SELECT pg_notify('outbox', '')",
        "SELECT pg_logical_emit_message(false, 'x', 'y')",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/leak'",
        "CREATE TABLE mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE TABLE dashboards.mine (a int)",
        "CREATE TEMPORARY TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE EXTENSION pg_trgm",
        "CREATE ROLE mine",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "INSERT INTO canaries (mode, run_id, queue, sent_at, consumed_at) VALUES ('sim', '', 'x', now(), now())",
        "UPDATE gates SET state = 'active'",
        "DELETE FROM alerts",
        "TRUNCATE public.ops_alert",
        "BEGIN; LOCK TABLE public.risk_gate",
        "BEGIN; LOCK TABLE gates IN ACCESS EXCLUSIVE MODE",
        "SELECT * FROM gates FOR UPDATE",
    ],
)
def test_the_role_is_refused_all_else_even_where_it_turns_reading_only_off(login, query):
    login.execute("SET default_transaction_read_only = off")
    with pytest.raises((errors.InsufficientPrivilege, errors.InvalidSchemaName)):
        login.execute(query)


def test_writing_is_refused_before_any_right_is_asked_for(login):
    with pytest.raises(errors.ReadOnlySqlTransaction):
        login.execute("CREATE TABLE mine (a int)")


def test_no_job_is_left_behind_on_timescaledb(login):
    if not _value(login, "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')"):
        pytest.skip("this server has no TimescaleDB")
    login.execute("SET default_transaction_read_only = off")
    with pytest.raises(errors.InsufficientPrivilege):
        login.execute("SELECT public.add_job('pg_catalog.pg_stat_clear_snapshot'::regproc, '1 hour')")


def test_a_long_query_ends_after_ten_seconds(login):
    assert _value(login, "SHOW statement_timeout") == "10s"
    login.execute("SET statement_timeout = '20ms'")  # the same refusal, without the wait
    with pytest.raises(errors.QueryCanceled):
        login.execute("SELECT count(*) FROM generate_series(1, 100000000)")


def test_a_login_begins_with_every_setting(login):
    for name, value in SETTINGS.items():
        assert str(_value(login, f"SHOW {name}")).lower() == value.lower()


def test_the_role_has_a_bounded_number_of_sessions(role, login):
    assert _value(login, f"SELECT rolconnlimit FROM pg_roles WHERE rolname = '{role}'") == 10


def test_time_bucket_is_found_without_naming_its_schema(login):
    if not _value(login, "SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'time_bucket')"):
        pytest.skip("nothing here brings time_bucket yet")
    login.execute("SELECT time_bucket('1 hour', timestamp) FROM arbitrage_opportunities")


def test_the_password_is_the_one_given_last_and_is_never_sent(role, login):
    later = Secret("another one")
    ensure_role_now(role, later)
    with _log_in(role, later) as session:
        assert _value(session, "SELECT current_user") == role
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _log_in(role)
    ensure_role_now(role, PASSWORD)


def test_what_the_role_changed_of_itself_is_undone_by_the_next_setup(role):
    itself, database = sql.Identifier(role), sql.Identifier(connection.settings_dict["NAME"])
    with _log_in(role) as session:
        session.execute("SET default_transaction_read_only = off")
        session.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
        session.execute(sql.SQL("ALTER ROLE {} IN DATABASE {} SET statement_timeout = 0").format(itself, database))
        session.execute(sql.SQL("ALTER ROLE {} IN DATABASE {} SET work_mem = '1GB'").format(itself, database))
        session.execute("ALTER ROLE CURRENT_USER PASSWORD 'of its own'")
    assert ensure_role_now(role, PASSWORD) == ()
    with _log_in(role) as session:
        assert _value(session, "SHOW statement_timeout") == "10s"
        assert _value(session, "SHOW work_mem") != "1GB"
        session.execute("SET default_transaction_read_only = off")
        session.execute("ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC")


def test_without_a_password_a_role_that_logs_in_stays_as_it_is(role):
    assert ensure_role_now(role, None) == ()
    _log_in(role).close()


def ensure_role_now(role: str, password: Secret | None) -> tuple[str, ...]:
    """Ensure the role for good, as set-up does, whatever transaction a test is in."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_ensure_and_close, connection.settings_dict["NAME"], role, password).result()


def _ensure_and_close(database: str, role: str, password: Secret | None) -> tuple[str, ...]:
    own = connections.create_connection("default")
    own.settings_dict = own.settings_dict | {"NAME": database}
    connections["default"] = own
    try:
        return ensure_role(own, user=role, password=password)
    finally:
        own.close()


def test_many_may_ensure_it_at_once_in_several_databases(role, django_db_blocker):
    with django_db_blocker.unblock():
        ours = connection.settings_dict["NAME"]
        other, fresh = f"{ours}_beside", f"{role}_beside"
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{other}"')
        try:
            own = psycopg.connect(**_log_in_as_owner(other), autocommit=True)
            own.execute("CREATE SCHEMA dashboards")
            own.close()
            with ThreadPoolExecutor(4) as threads:
                said = threads.map(lambda database: _ensure_and_close(database, fresh, PASSWORD), [ours, other] * 3)
                assert set(said) == {()}
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f'DROP DATABASE "{other}"')
                cursor.execute(f'DROP OWNED BY "{fresh}"')
                cursor.execute(f'DROP ROLE "{fresh}"')
            connection.close()


def _log_in_as_owner(database: str) -> dict[str, str]:
    ours = connection.settings_dict
    return {
        "host": ours["HOST"],
        "port": ours["PORT"],
        "user": ours["USER"],
        "password": ours["PASSWORD"],
        "dbname": database,
    }


@pytest.mark.django_db
def test_a_query_can_be_tried_as_the_role_inside_a_transaction(role):
    Canary.objects.create(mode="sim", queue="scan", sent_at="2026-01-01T00:00Z", consumed_at="2026-01-01T00:00Z")
    with connection.cursor() as cursor:
        with transaction.atomic():
            become(cursor, role)
            cursor.execute("SELECT current_user, queue FROM canaries")
            assert cursor.fetchall() == [(role, "scan")]
            cursor.execute("RESET ROLE")


@pytest.mark.django_db
def test_our_own_role_is_never_taken_for_it():
    with pytest.raises(Refused, match="may do more than read: name another one in ARB_DASHBOARDS_USER"):
        ensure_role(connection, user=connection.settings_dict["USER"], password=PASSWORD)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "made", ["CREATE ROLE {} CREATEROLE", "CREATE ROLE {} CREATEDB", "CREATE ROLE {} IN ROLE pg_monitor"]
)
def test_a_role_that_may_do_more_is_refused(made):
    name = f"more_{connection.settings_dict['NAME']}"
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(made).format(sql.Identifier(name)))
    with pytest.raises(Refused, match=f"the role {name} may do more than read"):
        ensure_role(connection, user=name, password=PASSWORD)


@pytest.mark.django_db
def test_who_may_not_create_roles_is_told_what_to_do():
    us, wanted = f"plain_{connection.settings_dict['NAME']}", f"wanted_{connection.settings_dict['NAME']}"
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(us)))
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(us)))
        with pytest.raises(Refused, match=f"the role {us} may not create the role {wanted}.* or grant {us} CREATEROLE"):
            ensure_role(connection, user=wanted, password=PASSWORD)
        cursor.execute("RESET ROLE")


@pytest.mark.django_db
def test_a_role_that_writes_our_rows_keeps_its_locks(role):
    us, reader = f"worker_{connection.settings_dict['NAME']}", f"reader_{connection.settings_dict['NAME']}"
    with connection.cursor() as cursor:
        cursor.execute("GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_lock(bigint) TO PUBLIC")
        cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(us)))
        cursor.execute(sql.SQL("GRANT INSERT ON ops_outbox TO {}").format(sql.Identifier(us)))
        ensure_role(connection, user=reader, password=PASSWORD)
        cursor.execute(
            "SELECT has_function_privilege(%s, 'pg_advisory_lock(bigint)', 'EXECUTE'), "
            "has_function_privilege(%s, 'pg_advisory_lock(bigint)', 'EXECUTE')",
            [us, reader],
        )
        assert cursor.fetchone() == (True, False)


@pytest.mark.django_db
@pytest.mark.usefixtures("role")  # what all may call has been taken from them by then
def test_who_owns_only_the_views_lets_them_be_read_and_says_what_is_left():
    database = connection.settings_dict["NAME"]
    us, reader = f"owner_{database}", f"reader_{database}"
    with connection.cursor() as cursor:
        for statement in (
            "CREATE ROLE {us}",
            "CREATE ROLE {reader}",
            "ALTER SCHEMA dashboards OWNER TO {us}",
            "GRANT TEMPORARY ON DATABASE {database} TO PUBLIC",
            "GRANT EXECUTE ON FUNCTION pg_catalog.lo_creat(int) TO PUBLIC",
        ):
            names = {"us": us, "reader": reader, "database": database}
            cursor.execute(sql.SQL(statement).format(**{name: sql.Identifier(value) for name, value in names.items()}))
        cursor.execute(
            "SELECT format('ALTER VIEW dashboards.%I OWNER TO %I', viewname, %s::text) FROM pg_views "
            "WHERE schemaname = 'dashboards'".replace("%I", "%%I"),
            [us],
        )
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(us)))
        notes = ensure_role(connection, user=reader, password=PASSWORD)
        cursor.execute("SELECT has_table_privilege(%s, 'dashboards.gates', 'SELECT')", [reader])
        assert cursor.fetchone() == (True,)
        cursor.execute("RESET ROLE")
    assert [note.split(":")[0] for note in notes] == [
        f"the role {reader} is another administrator's",
        f"the settings of the role {reader} are another administrator's",
        f"the role {reader} may still make temporary tables",
        f"the role {reader} may still call 1 functions that leave something behind or lock, as lo_creat(integer)",
    ]
