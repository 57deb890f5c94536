"""``manage.py replay``: candles or recorded books of several venues, lived through on a virtual clock."""

import json
from contextlib import nullcontext
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from arbsite.management.replay_arguments import (
    add_replay_arguments,
    faults_alone_are_logged,
    options_of,
    progress_shown,
)
from arbsite.management.replay_console import show_result, show_runs
from arbsite.relay import relayed
from domain.errors import BadInput
from risk.stopfile import operator
from trading.services.replay.driver import Progress
from trading.services.replay.run import ReplayResult, replay, resume, unwrapped
from trading.services.replay.runs import delete_run, run_lines, run_named

OVER_SOCKETS = "over_sockets"  # as it is kept with the run


class Command(BaseCommand):
    """Replays recorded data through the pipeline and prints what it would have done and earned."""

    help = (
        "Replay one-minute candles of two or more venues, or what collect recorded, through the same pipeline that "
        "trades. A file's name states its venue and pair: <venue>_<BASE-QUOTE>_*.csv[.gz]."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_replay_arguments(parser)
        parser.add_argument(
            "--over-sockets",
            action="store_true",
            help="let every recorded book go through the venues' doubles and the adapters that trade",
        )
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument("--list", action="store_true", help="list the runs there are")
        instead.add_argument("--resume", metavar="RUN", help="go on with a run that was broken off")
        instead.add_argument("--delete", metavar="RUN", help="delete a run with every row of it")
        parser.add_argument("--reason", default="", help="why a run is deleted; kept in the audit trail")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        _check_alone(options)
        if options["list"]:
            self._list(options)
        elif options["delete"]:
            self._delete(options)
        else:
            self._replay(options)

    def _replay(self, options: dict[str, Any]) -> None:
        logged = faults_alone_are_logged() if options["verbosity"] < 2 else nullcontext()
        with logged, progress_shown("replay") as progress:
            result = _resumed(options["resume"], progress) if options["resume"] else _replayed(options, progress)
        if options["json"]:
            self.stdout.write(json.dumps(result.as_json(), indent=2))
        else:
            show_result(result, self._console())

    def _list(self, options: dict[str, Any]) -> None:
        lines = run_lines()
        if options["json"]:
            self.stdout.write(json.dumps({"runs": [line.as_json() for line in lines]}, indent=2))
        elif lines:
            show_runs(lines, self._console())
        else:
            self.stdout.write("No run is there yet.")

    def _delete(self, options: dict[str, Any]) -> None:
        if not options["reason"].strip():
            raise BadInput("--delete needs --reason: say why in a few words")
        deleted = delete_run(options["delete"], actor=operator(), reason=options["reason"])
        told = {"run": options["delete"], "rows_deleted": deleted}
        words = f"Run {options['delete']} is deleted, {deleted:,} rows."
        self.stdout.write(json.dumps(told) if options["json"] else words)

    def _console(self) -> Console:
        return Console(file=cast(IO[str], self.stdout), highlight=False)


def _check_alone(options: dict[str, Any]) -> None:
    """Raise BadInput where a source is named beside a run that has its own, or beside the list of all."""
    asked = next((name for name in ("list", "resume", "delete") if options[name]), None)
    if asked and (options["files"] or options["recording"] is not None):
        raise BadInput(f"--{asked} takes no files and no --recording: a run keeps what it replays")


def _replayed(options: dict[str, Any], progress: Progress) -> ReplayResult:
    chosen = options_of(options)
    if not options["over_sockets"]:
        return replay(options["files"], chosen, progress=progress)
    if chosen.recording is None:
        raise BadInput("--over-sockets needs --recording: candles are not what a venue sends")
    return replay(options["files"], chosen, progress=progress, wrap=relayed, also={OVER_SOCKETS: True})


def _resumed(run_id: str, progress: Progress) -> ReplayResult:
    wrap = relayed if run_named(run_id).settings.get(OVER_SOCKETS) else unwrapped
    return resume(run_id, progress=progress, wrap=wrap)
