"""What a database holds, to the last digit: the least change of a row is seen, its place among the rows is not."""

import pytest
from django.db import connection

from arbsite.backups.contents import disagreements, read_contents
from arbsite.backups.manifest import Table

pytestmark = pytest.mark.django_db


def contents_after(*statements):
    """Return the state of one table of ours after the statements."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS backup_sample")
        cursor.execute("CREATE TABLE backup_sample (id int, amount numeric(38, 18), seen double precision, data bytea)")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SHOW search_path")
        path = cursor.fetchone()[0]
        found = {table.name: table for table in read_contents(connection.connection).tables}
        cursor.execute(f"SET search_path TO {path}")
    return found["backup_sample"]


ONE = "INSERT INTO backup_sample VALUES (1, 0.000000000000000001, 0.1, 'a'), (2, 12345678901234567890.5, NULL, NULL)"
OTHER_ORDER = (
    "INSERT INTO backup_sample VALUES (2, 12345678901234567890.5, NULL, NULL), (1, 0.000000000000000001, 0.1, 'a')"
)


def test_money_is_added_up_exactly_and_the_order_of_rows_is_of_no_account():
    found = contents_after(ONE)
    assert (found.rows, found.sums) == (2, {"amount": "12345678901234567890.500000000000000001"})
    assert contents_after(OTHER_ORDER) == found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE backup_sample SET amount = amount + 1e-18 WHERE id = 2", "adds up to"),
        ("UPDATE backup_sample SET seen = 0.2 WHERE id = 1", "rows of other content"),
        ("DELETE FROM backup_sample WHERE id = 1", "1 rows instead of 2"),
        ("INSERT INTO backup_sample SELECT * FROM backup_sample", "4 rows instead of 2"),
        ("DROP TABLE backup_sample; CREATE TABLE backup_sample (id int)", "0 rows instead of 2"),
    ],
)
def test_the_least_change_is_seen_and_named(change, said):
    before = contents_after(ONE)
    (told,) = disagreements([before], [contents_after(ONE, change)])
    assert told.startswith("backup_sample")
    assert said in told


def test_a_table_too_few_or_too_many_is_seen():
    one, other = Table("a", 0, "0", {}), Table("b", 0, "0", {})
    assert disagreements([one], [other]) == ["a is missing", "b is too much"]


def test_every_table_of_ours_is_there_and_none_of_the_servers_own():
    names = {table.name for table in read_contents(connection.connection).tables}
    assert {"trading_order", "arbitrage_opportunities", "django_migrations", "risk_gate"} <= names
    assert not [name for name in names if name.startswith(("pg_", "_timescaledb_catalog"))]
