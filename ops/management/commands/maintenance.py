"""``manage.py maintenance``: the database's own upkeep."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from domain.errors import BadInput
from ops.services import maintenance, policies
from ops.services.maintenance import Status

VERBS = {
    "status": "sizes, rows, chunks, dead rows, last vacuum, indexes, and the policies with their last run",
    "policies": "bring TimescaleDB's policies in line with the settings",
    "vacuum": "clear what deleted rows left, and count anew for the planner",
    "reindex": "build indexes anew; an ordinary table is read and written meanwhile",
}
_MIB = 1024 * 1024
_INDEXES_SHOWN = 10


class Command(BaseCommand):
    """Tells how the database is, and tidies it."""

    help = "Tell how the tables, indexes and policies are; align the policies; vacuum; reindex."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("what", choices=VERBS, help="; ".join(f"{verb}: {about}" for verb, about in VERBS.items()))
        parser.add_argument("table", nargs="?", help="for vacuum and reindex: one table; by default all")
        parser.add_argument("--mode", help="whose database")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked. Raises: BadInput for a table that is none of ours; Refused, Unreachable."""
        what, table, is_trial = options["what"], options["table"], options["dry_run"]
        if table and what in ("status", "policies"):
            raise BadInput(f"{what} takes no table, and {table!r} was given")
        if what == "status":
            found = maintenance.status()
            told, lines = asdict(found), list(_in_words(found))
        else:
            done = {
                "policies": lambda: policies.align(is_trial=is_trial),
                "vacuum": lambda: maintenance.vacuum(table, is_trial=is_trial),
                "reindex": lambda: maintenance.reindex(table, is_trial=is_trial),
            }[what]()
            told, lines = {"done": done, "dry_run": is_trial}, _done_in_words(done, is_trial=is_trial)
        self.stdout.write(json.dumps(told, default=str) if options["json"] else "\n".join(lines))


def _done_in_words(done: list[str], *, is_trial: bool) -> list[str]:
    if not done:
        return ["there is nothing to do"]
    return [f"would do: {one}" if is_trial else one for one in done]


def _in_words(found: Status) -> Iterator[str]:
    server = f"TimescaleDB {found.timescaledb}" if found.timescaledb else "plain PostgreSQL"
    yield f"{found.database}: {found.size_bytes / _MIB:,.1f} MiB on {server}"
    yield f"{'table':34}{'chunks':>7}{'rows':>12}{'dead':>9}{'MiB':>10}{'indexes':>10}  last vacuum (UTC)"
    for one in found.tables:
        vacuumed = f"{one.vacuumed_at:%Y-%m-%d %H:%M}" if one.vacuumed_at else "never"
        sizes = f"{one.size_bytes / _MIB:>10,.1f}{one.index_bytes / _MIB:>10,.1f}"
        yield f"{one.name:34}{one.chunks or '':>7}{one.rows:>12,}{one.dead_rows:>9,}{sizes}  {vacuumed}"
    yield f"the {_INDEXES_SHOWN} largest indexes:"
    for index in found.indexes[:_INDEXES_SHOWN]:
        spoilt = "" if index.is_valid else "  not valid: reindex its table"
        yield f"  {index.name:40}{index.size_bytes / _MIB:>10,.1f} MiB{index.scans:>12,} scans{spoilt}"
    yield "policies:" if found.jobs else "policies: none, beat deletes what is old"
    for job in found.jobs:
        last = f"{job.last_status} at {job.last_run_at:%Y-%m-%d %H:%M}" if job.last_run_at else "not run yet"
        error = f", last error: {job.last_error}" if job.last_error else ""
        paused = "" if job.is_scheduled else ", paused"
        yield f"  {job.procedure} of {job.relation} every {job.every}: {last}, {job.failures} failures{paused}{error}"
