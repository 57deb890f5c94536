"""``manage.py maintenance``: how the database is, and tidying it."""

import json
from io import StringIO

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from arbsite.setup.schema import connect_beside
from domain.errors import BadInput, Refused, Unreachable
from ops.locks import key_of
from ops.series import has_community_edition
from ops.services import maintenance
from tests.trading.models.rows import make
from trading.models import Opportunity

pytestmark = pytest.mark.django_db(transaction=True)


def ask(*arguments: str) -> str:
    printed = StringIO()
    call_command("maintenance", *arguments, stdout=printed)
    return printed.getvalue()


def test_status_tells_tables_indexes_and_policies():
    make(Opportunity)
    ask("vacuum", "arbitrage_opportunities")
    told = json.loads(ask("status", "--json"))
    table = next(one for one in told["tables"] if one["name"] == "arbitrage_opportunities")
    assert (table["rows"], table["dead_rows"]) == (1, 0)
    assert table["size_bytes"] > table["index_bytes"] > 0
    assert table["vacuumed_at"]
    assert {one["name"] for one in told["indexes"]} >= {"idx_arb_profitable_time"} or table["chunks"]
    assert told["size_bytes"] > 0
    if has_community_edition(connection):
        assert table["chunks"] == 1
        assert "policy_refresh_continuous_aggregate" in {job["procedure"] for job in told["jobs"]}
    else:
        assert (told["timescaledb"], told["jobs"]) == (None, [])


def test_rows_of_a_table_that_nothing_has_counted_yet_are_counted():
    make(Opportunity)
    told = {one["name"]: one["rows"] for one in json.loads(ask("status", "--json"))["tables"]}
    assert (told["arbitrage_opportunities"], told["django_migrations"] > 50) == (1, True)


def test_status_is_told_in_words():
    said = ask("status")
    assert "arbitrage_opportunities" in said
    assert "policies" in said
    assert ("TimescaleDB" if has_community_edition(connection) else "plain PostgreSQL") in said


def test_policies_are_in_line_after_a_migrate():
    assert ask("policies", "--dry-run").strip() == ask("policies").strip() == "there is nothing to do"


@pytest.mark.parametrize("verb", ["vacuum", "reindex"])
def test_a_trial_names_every_table_and_touches_none(verb):
    said = json.loads(ask(verb, "--dry-run", "--json"))
    assert said["dry_run"]
    assert any('"trading_order"' in statement for statement in said["done"])
    assert "would do" in ask(verb, "trading_order", "--dry-run")


def test_an_index_is_built_anew_without_locking_an_ordinary_table():
    assert ask("reindex", "trading_order").strip() == 'REINDEX TABLE CONCURRENTLY "trading_order"'
    before = file_of("market_snapshots")
    ask("reindex", "market_snapshots")
    assert file_of("market_snapshots") != before or has_community_edition(connection)


def test_what_a_reindex_that_was_cut_off_left_is_dropped():
    with beside() as other, connection.cursor() as cursor:
        with other.transaction():
            other.execute("SELECT count(*) FROM trading_run")  # whom a reindex waits for in the end
            cursor.execute("SET lock_timeout = '50ms'")
            with pytest.raises(Unreachable, match='CONCURRENTLY "trading_run" gave way to another session'):
                ask("reindex", "trading_run")
        cursor.execute("SET lock_timeout = 0")
    assert {index.is_valid for index in maintenance.status().indexes if index.table == "trading_run"} == {True, False}
    assert "DROP INDEX CONCURRENTLY" in ask("reindex", "trading_run")
    assert {index.is_valid for index in maintenance.status().indexes if index.table == "trading_run"} == {True}


@pytest.mark.parametrize("verb", ["vacuum", "reindex"])
def test_a_second_one_at_once_is_refused(verb):
    with beside() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [key_of("maintenance")])
        with pytest.raises(Refused, match="another vacuum or reindex"):
            ask(verb, "trading_run")


def beside() -> psycopg.Connection:
    return connect_beside(settings.ARB.database, name=connection.settings_dict["NAME"])


def file_of(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_relation_filenode('{table}_pkey')")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("arguments", [("vacuum", "no such; DROP TABLE readings"), ("status", "readings")])
def test_a_table_that_is_none_is_named(arguments):
    with pytest.raises(BadInput, match=arguments[1]):
        ask(*arguments)
