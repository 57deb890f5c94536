"""``manage.py maintenance``: how the database is, and tidying it."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from domain.errors import BadInput
from ops.series import has_community_edition
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


def file_of(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_relation_filenode('{table}_pkey')")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("arguments", [("vacuum", "no such; DROP TABLE readings"), ("status", "readings")])
def test_a_table_that_is_none_is_named(arguments):
    with pytest.raises(BadInput, match=arguments[1]):
        ask(*arguments)
