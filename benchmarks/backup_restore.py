"""A million rows dumped, restored aside and compared, and brought back under another name, all of it timed.

    python -m benchmarks.backup_restore [--rows 1000000] [--server postgres://...]

Without ``--server`` an embedded PostgreSQL of its own is filled; with it, databases of its own are made on that server
(a superuser's address, since a dump of TimescaleDB wants one) and dropped at the end. Rows are as wide as real ones,
money has all its eighteen places. Exit 1 where the three together take more than fifteen minutes.
"""

import argparse
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

TARGET_S = 900
NAME = "arbsite_backup_bench"
SHARE = 7.5  # rows that the statements write for each opportunity
ROWS = Path(__file__).with_suffix(".sql")


def main() -> None:
    """Fill, dump, verify, restore, and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--server", default="", help="a server to use instead of an embedded one")
    told = parser.parse_args()
    with _database(told.server):
        _fill(told.rows)
        took = _measure()
    total_s = sum(took.values())
    print(", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items()))
    print(f"dump, verify and restore: {total_s:.0f} s (target {TARGET_S})")
    raise SystemExit(total_s > TARGET_S)


def _measure() -> dict[str, float]:
    from django.conf import settings  # late: needs the set-up below

    from arbsite.backups.create import create  # late: as above
    from arbsite.backups.restore import Order, restore  # late: as above
    from arbsite.backups.verify import verify  # late: as above
    from domain.scope import Mode  # late: as above

    arb, now = settings.ARB, datetime.now(UTC)
    modes = (Mode.DRY_RUN,)
    made = create(arb, now=now, modes=modes)
    (dumped,) = made.manifest.databases
    print(f"{dumped.rows} rows on {dumped.server} {dict(dumped.extensions)}, a dump of {dumped.bytes / 1e6:.0f} MB")
    proof = verify(arb, made.manifest.name, now=now)
    order = Order(made.manifest.name, f"{NAME}_back", modes, replaces=False, actor="bench", reason="measured")
    back = restore(arb, order, now=now)
    return {"dump": made.seconds, "verify": proof.seconds, "restore": back.seconds}


def _fill(rows: int) -> None:
    from django.db import connection  # late: needs the set-up below

    began_s = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET session_replication_role = replica")  # rows of one table at a time satisfy no foreign key
        cursor.execute(ROWS.read_text(encoding="utf-8").replace(":count", str(int(rows / SHARE) + 1)), None)
        cursor.execute("RESET session_replication_role")
        cursor.execute("VACUUM ANALYZE")
    connection.close()
    print(f"filled in {time.monotonic() - began_s:.0f} s")


@contextmanager
def _database(server: str) -> Iterator[None]:
    """Name a migrated database of our own in the settings, and leave nothing of it behind."""
    state_dir = Path(f"/var/tmp/arbsite-backup-{os.getpid()}")  # noqa: S108 - the database's own user must reach it
    os.environ |= {"ARB_ENV_FILE": "none", "ARB_MODE": "dry_run", "ARB_STATE_DIR": str(state_dir)}
    os.environ.pop("DATABASE_URL", None)
    if server:
        os.environ["DATABASE_URL"] = f"{server.rpartition('/')[0]}/{NAME}"
    with ExitStack() as held:
        held.callback(shutil.rmtree, state_dir, ignore_errors=True)
        from arbsite import config, entry  # late: reads the environment set above

        config.name_settings_module()
        held.enter_context(entry.lease_services())
        import django  # late: as above

        django.setup()
        from arbsite.setup.schema import ensure_migrated  # late: needs the set-up above

        held.callback(_drop_all, bool(server))
        ensure_migrated(applies=True)
        yield


def _drop_all(is_shared: bool) -> None:
    from django.conf import settings  # late: as above
    from django.db import connection  # late: as above

    from arbsite.backups.loading import drop  # late: as above

    connection.close()
    for name in (NAME, f"{NAME}_back") if is_shared else ():
        drop(settings.ARB.database, name)


if __name__ == "__main__":
    main()
