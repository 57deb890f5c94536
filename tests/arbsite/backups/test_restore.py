"""Bringing a backup back: whole, equal and held, or not at all."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import connection

from arbsite.backups import newest_verified_at, shelf
from arbsite.backups.create import create
from arbsite.backups.manifest import Manifest, ModelFile
from arbsite.backups.restore import DRAFT, restore
from arbsite.backups.verify import verify
from arbsite.setup import schema
from domain.errors import BadInput, Refused, Unreachable
from domain.execution import LegEvent, LegState
from domain.market import Book, MarketKey
from ops.models import OperatorAction
from risk.models import Gate, GateState
from tests.arbsite.backups.conftest import MODES, NOW, arb_over, order
from tests.fakes import BTC_USD, FixedClock, book, detect_config
from tests.faults.test_kills import end_episodes
from tests.trading.services.conftest import Line
from trading import tasks
from trading.models import Order, Reconciliation, StateEvent

pytestmark = pytest.mark.django_db(transaction=True)


def databases(arb) -> set[str]:
    with schema.connect_beside(arb.database, name="postgres") as server:
        rows = server.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [arb.database.base_name]
        )
        return {name for (name,) in rows.fetchall()}


def retold(made, **changes) -> Manifest:
    """Write the manifest anew with changes in its database, as another version would have."""
    told = replace(made.manifest, databases=(replace(made.manifest.databases[0], **changes),))
    told.write(made.folder)
    return told


def refuses(arb, made, match, **changes):
    before = databases(arb)
    with pytest.raises(Refused, match=match):
        restore(arb, order(made, **changes), now=NOW)
    assert databases(arb) == before  # nothing half-written


def test_a_newer_schema_is_refused_by_its_migration(backup):
    arb, made = backup
    retold(made, migrations=(*made.manifest.databases[0].migrations, ("trading", "9999_of_tomorrow")))
    refuses(arb, made, "newer schema.*trading 9999_of_tomorrow")


def test_a_server_older_than_the_dumps_is_refused(backup):
    arb, made = backup
    retold(made, major=99)
    refuses(arb, made, r"PostgreSQL 99, and this server is PostgreSQL \d\d")


def test_another_timescaledb_or_none_is_refused(backup):
    arb, made = backup
    retold(made, extensions={"timescaledb": "1.0.0"})
    refuses(arb, made, r"needs TimescaleDB 1\.0\.0, and this server has")


def test_a_database_with_tables_is_not_replaced_unasked(backup):
    arb, made = backup
    refuses(arb, made, "is not empty: --replace", base_name=arb.database.base_name)


def test_a_database_in_use_is_refused(backup):
    arb, made = backup
    with schema.connect_beside(arb.database, name=arb.database.base_name):
        refuses(arb, made, "is in use", base_name=arb.database.base_name, replaces=True)


def test_a_tampered_dump_is_refused_before_anything_is_made(backup):
    arb, made = backup
    with (made.folder / "database.dump").open("r+b") as dump:
        dump.seek(-10, os.SEEK_END)
        dump.write(b"tampered")
    refuses(arb, made, r"database\.dump is not what its manifest says")


def test_a_reason_is_asked_for_and_an_unknown_backup_named(backup):
    arb, made = backup
    with pytest.raises(BadInput, match="the reason is empty"):
        restore(arb, order(made, reason=" "), now=NOW)
    with pytest.raises(BadInput, match="no backup 'tomorrow'"):
        restore(arb, order(made, backup="tomorrow"), now=NOW)


def test_a_dump_that_holds_other_rows_than_its_manifest_is_refused_and_leaves_nothing(backup):
    arb, made = backup
    told = made.manifest.databases[0]
    tables = tuple(
        replace(table, checksum="0") if table.name == "django_migrations" else table for table in told.tables
    )
    retold(made, tables=tables)
    refuses(arb, made, "django_migrations has rows of other content")


def test_models_that_cannot_be_kept_leave_no_database_behind(backup):
    arb, made = backup
    before = databases(arb)
    (made.folder / "models").mkdir()
    (made.folder / "models" / "model.json").write_text("{}")
    model = ModelFile("models/model.json", 2, shelf.digest_of(made.folder / "models" / "model.json"))
    replace(made.manifest, models=(model,)).write(made.folder)
    arb.models.directory.write_text("a file where a folder should be")
    with pytest.raises(FileExistsError):
        restore(arb, order(made), now=NOW)
    assert databases(arb) == before


def test_no_backup_is_made_of_databases_that_hold_nothing_of_ours(tmp_path):
    arb = arb_over(tmp_path)
    arb = replace(arb, database=replace(arb.database, base_name="postgres"))
    with pytest.raises(Refused, match="nothing to back up"):
        create(arb, now=NOW, modes=MODES)
    assert list(tmp_path.iterdir()) == [tmp_path / ".lock"]


def test_a_full_disk_leaves_no_backup(tmp_path, monkeypatch):

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("arbsite.backups.create.os.fdopen", full)
    with pytest.raises(Unreachable, match="cannot be kept: No space left"):
        create(arb_over(tmp_path), now=NOW, modes=MODES)
    assert shelf.names(tmp_path) == []
    assert not list(tmp_path.glob("2*"))


VENUES = ("kraken", "alpaca")


def line_at_our_venues() -> Line:
    """Return a line whose venues the workers know, an hour ago."""
    usual = detect_config()
    config = replace(
        usual,
        fees=dict.fromkeys(VENUES, usual.fees["a"]),
        lots={MarketKey(venue, BTC_USD): usual.lots[MarketKey("a", BTC_USD)] for venue in VENUES},
    )
    return Line(scope=settings.ARB.scope, clock=FixedClock(time.time_ns() - 3600 * 10**9), config=config)


def shown(line: Line, seq: int, *, sells_at: str) -> tuple[Book, Book]:
    now_ns = line.clock.now_ns()
    asks = str(Decimal(sells_at) + Decimal("0.1"))
    return (
        book("kraken", "99.9", "100", at_ns=now_ns, seq=seq),
        book("alpaca", sells_at, asks, at_ns=now_ns, seq=seq),
    )


def in_flight() -> tuple[int, int]:
    """Return an execution whose closing order is due, and one whose opening orders are."""
    line = line_at_our_venues()
    closing = line.open(*shown(line, 1, sells_at="104"))
    line.step(closing.pk)
    line.clock.advance(250)
    line.observe(*shown(line, 2, sells_at="90"))  # the second leg's price has gone
    end_episodes(line)
    line.clock.advance(10_000)
    opening = line.open(*shown(line, 3, sells_at="104"))
    return closing.pk, opening.pk


def sends() -> int:
    return StateEvent.objects.filter(event=LegEvent.SEND).count()


def step_as_the_worker_does(*ids: int) -> None:
    for execution_id in ids:
        tasks.execution_step(execution_id)


def test_what_comes_back_equals_what_was_and_sends_nothing_before_it_is_reconciled(tmp_path, restored_name):
    closing, opening = in_flight()
    arb, sent_before = arb_over(tmp_path), sends()
    made = create(arb, now=NOW, modes=MODES)
    back = restore(arb, order(made), now=datetime.now(UTC))

    assert [(one.name, one.kept_as) for one in back.databases] == [(restored_name, "")]
    assert restored_name + DRAFT not in databases(arb)
    with schema.using(restored_name):
        assert set(Gate.objects.values_list("state", flat=True)) == {GateState.UNRECONCILED}
        assert OperatorAction.objects.filter(action="restore_backup", actor="ann", reason="a drill").exists()
        for _ in range(4):
            step_as_the_worker_does(closing, opening)
        assert sends() == sent_before  # neither the opening nor the closing orders
        unwinding = Order.objects.get(role=Order.Role.UNWIND)
        assert (unwinding.execution_id, unwinding.state) == (closing, LegState.PREPARED)

        tasks.reconcile()
        assert Reconciliation.objects.in_scope(settings.ARB.scope).get().differences == 0
        assert Gate.objects.in_scope(settings.ARB.scope).get().state == GateState.HALTED
        step_as_the_worker_does(closing, opening)
        assert sends() == sent_before + 1  # the closing one
        assert set(Order.objects.filter(execution=opening).values_list("reason", flat=True)) == {"halted"}
        assert _next_id() > opening + 1_000_000  # client ids of orders that the dump knows nothing of stay unused


def _next_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('trading_execution', 'id'))")
        return int(cursor.fetchone()[0])


def test_a_backup_is_proved_by_restoring_it_aside(backup):
    arb, made = backup
    proof = verify(arb, shelf.LATEST, now=NOW + timedelta(hours=1))
    assert proof.rows == made.manifest.databases[0].rows > 100
    assert newest_verified_at(arb.backups.directory) == NOW
