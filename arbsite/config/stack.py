"""What stands around the processes: how long rows are kept, who shares the pairs, dashboards, metrics, backups."""

import re
from collections.abc import Sequence
from pathlib import Path

from arbsite.config import parse
from arbsite.config.services import parse_database_url
from arbsite.config.source import Source
from arbsite.config.tree import SERIES_TABLES, Address, Backups, Dashboards, Partition, Series
from domain.errors import BadInput
from domain.market import Pair
from domain.scope import Mode
from domain.secret import Secret

LEAST_RETENTION_DAYS = {
    "arbitrage_opportunities": 60,  # aggregates are refreshed from its rows of the last weeks
    "readings": 9,  # the first of them tells for how long no backup was made
}
_MOST_DAYS = 36_500
_MOST_PARTITIONS = 64


def series(source: Source) -> Series:
    """Return how series are kept. Raises: BadInput."""
    wish = source.get("ARB_TIMESCALE")
    if wish not in ("", "required"):
        raise BadInput(f"ARB_TIMESCALE is {wish!r}; it is either left out or required")
    given = parse.assignments(source, "ARB_RETENTION")
    return Series(
        requires_timescale=wish == "required",
        retention_days={table: _days(table, text) for table, text in given.items()},
    )


def partition(source: Source, pairs: Sequence[Pair]) -> Partition:
    """Return which share of the ``pairs`` this process handles. Raises: BadInput."""
    count = parse.whole(source, "ARB_PARTITIONS", least=1, most=_MOST_PARTITIONS)
    bases = dict.fromkeys(pair.base.symbol for pair in pairs)
    if count > len(bases):
        raise BadInput(
            f"ARB_PARTITIONS is {count}, but ARB_PAIRS names {len(bases)} bases to share ({', '.join(bases)}): "
            "each partition takes one at least"
        )
    if count > 1 and parse.flag(source, "ARB_RECORD"):
        raise BadInput(
            f"ARB_RECORD is set, but ARB_PARTITIONS is {count}: a recording is made by one process; "
            "leave it out, or run manage.py collect instead of the streams"
        )
    index = source.get("ARB_PARTITION")
    return Partition(count, parse.whole_of("ARB_PARTITION", index, least=1, most=count) if index else None)


def dashboards(source: Source) -> Dashboards:
    """Return how dashboards reach the database, and we are reached by them. Raises: BadInput."""
    user = source.get("ARB_DASHBOARDS_USER")
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", user):
        raise BadInput(f"ARB_DASHBOARDS_USER is {user!r}; write a role of small letters, digits and underscores")
    return Dashboards(
        user=user,
        password=parse.secret(source, "ARB_DASHBOARDS_PASSWORD"),
        hook_token=parse.secret(source, "ARB_HOOK_TOKEN"),
    )


def backups(source: Source, checkout: Path, state_dir: Path) -> Backups:
    """Return where backups go. Raises: BadInput."""
    programs = source.get("ARB_PG_PROGRAMS")
    restore_url = source.get("ARB_RESTORE_URL")
    if restore_url:
        parse_database_url("ARB_RESTORE_URL", restore_url, Mode.DRY_RUN)
    return Backups(
        directory=parse.path(source, "ARB_BACKUP_DIR", base=checkout, default=state_dir / "backups"),
        keep_days=parse.whole(source, "ARB_BACKUP_KEEP_DAYS", least=1, most=_MOST_DAYS),
        programs=Path(programs).expanduser() if programs else None,
        restore_url=Secret(restore_url) if restore_url else None,
    )


def metrics_address(source: Source) -> Address | None:
    """Return where this process serves its metrics, or None. Raises: BadInput."""
    text = source.get("ARB_METRICS_ADDRESS")
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not (host and colon):
        raise BadInput(f"ARB_METRICS_ADDRESS is {text!r}; write host:port, as 127.0.0.1:9100")
    return Address(host, parse.whole_of("ARB_METRICS_ADDRESS", port, least=1, most=65535))


def _days(table: str, text: str) -> int:
    if table not in SERIES_TABLES:
        raise BadInput(f"ARB_RETENTION names {table!r}, which is no series: there are {', '.join(SERIES_TABLES)}")
    least = LEAST_RETENTION_DAYS.get(table, 1)
    return parse.whole_of(f"ARB_RETENTION of {table}", text, least=least, most=_MOST_DAYS)
