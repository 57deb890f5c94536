"""``manage.py replay``: candles or recorded books of several venues, lived through on a virtual clock."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.table import Table

from arbsite.management.replay_arguments import (
    add_replay_arguments,
    faults_alone_are_logged,
    options_of,
    progress_shown,
)
from arbsite.relay import relayed
from domain.errors import BadInput
from domain.execution import ExecutionState
from risk.stopfile import operator
from trading.services.replay import ReplayResult, replay, resume
from trading.services.replay.driver import Progress
from trading.services.replay.run import unwrapped
from trading.services.replay.runs import RunLine, delete_run, run_lines, run_named
from trading.services.replay.summary import Summary

OVER_SOCKETS = "over_sockets"  # as it is kept with the run
MOST_REASONS = 12  # lines of the table of refusals


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
            _show(result, self._console())

    def _list(self, options: dict[str, Any]) -> None:
        lines = run_lines()
        if options["json"]:
            self.stdout.write(json.dumps({"runs": [line.as_json() for line in lines]}, indent=2))
        elif lines:
            self._console().print(_runs(lines))
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


def _runs(lines: Sequence[RunLine]) -> Table:
    table = Table(title="Runs, the latest first")
    for name in ("run", "command", "state", "came to (UTC)", "digest"):
        table.add_column(name, no_wrap=name in ("run", "digest"))
    for line in lines:
        came_to = f"{line.last_instant:%Y-%m-%d %H:%M:%S}" if line.last_instant else "-"
        state = f"{line.state}, can go on" if line.can_resume else line.state
        table.add_row(line.run_id, line.command, state, came_to, line.digest[:12])
    return table


def _show(result: ReplayResult, console: Console) -> None:
    _show_assumptions(result, console)
    console.print(_days(result))
    _show_reasons(result, console)
    _show_ends(result.summary, console)
    console.print(f"Run {result.run_id}, digest {result.digest}", soft_wrap=True)
    console.print("Look at it: make web MODE=replay")


def _show_assumptions(result: ReplayResult, console: Console) -> None:
    told = result.assumptions
    for held in told["data"]:
        console.print(_recorded(held) if "recording" in held else _file(held), soft_wrap=True)
    for venue, fees in told["fees"].items():
        console.print(f"Fees {venue}: taker {fees['taker_bps']} bps ({fees['source']})", soft_wrap=True)
    rates = ", ".join(f"{asset} = {rate} USD" for asset, rate in told["quote_usd"].items())
    candles = f"spread {told['spread_bps']} bps, depth {told['depth_usd']} USD a side, " if "spread_bps" in told else ""
    rounded = " rounded up to whole minutes" if candles else ""
    console.print(
        f"Assumed: {candles}latency {told['latency_ms']} ms{rounded}, filled at {told['fill']}; for valuation {rates}; "
        f"largest trade {told['max_trade_usd']} USD; more than {told['min_net_bps']} bps net.",
        soft_wrap=True,
    )


def _file(held: Mapping[str, Any]) -> str:
    return (
        f"{held['venue']} {held['symbol']}: {held['minutes_traded']} minutes with trades, "
        f"{held['first_minute'][:16]} to {held['last_minute'][:16]} UTC ({held['file']})"
    )


def _recorded(held: Mapping[str, Any]) -> str:
    lost = f", {held['lost']:,} more were seen and lost" if held["lost"] else ""
    return (
        f"Recording {held['recording']} of {held['mode']}: {held['books']:,} books of {len(held['markets'])} markets, "
        f"{held['first_book'][:19]} to {held['last_book'][:19]} UTC{lost}"
    )


def _days(result: ReplayResult) -> Table:
    table = Table("day (UTC)", title="What it came to", show_footer=True)
    total = result.summary.total
    table.columns[0].footer = "all"
    table.add_column("opportunities", justify="right", footer=str(total.opportunities))
    table.add_column("executions", justify="right", footer=str(total.executions))
    table.add_column("P&L in USD", justify="right", footer=f"{total.pnl_to_the_cent:,}")
    for day, figures in result.summary.per_day.items():
        table.add_row(
            day.isoformat(), str(figures.opportunities), str(figures.executions), f"{figures.pnl_to_the_cent:,}"
        )
    return table


def _show_reasons(result: ReplayResult, console: Console) -> None:
    table = Table("stage", "reason", title="Why nothing, or no more, was traded")
    table.add_column("times", justify="right")
    rows = [
        (stage, reason, count)
        for stage, reasons in result.summary.refused.items()
        for reason, count in list(reasons.items())[:MOST_REASONS]
    ]
    for stage, reason, count in rows:
        table.add_row(stage, reason, f"{count:,}")
    if rows:
        console.print(table)
        console.print(
            "Up to 'size' a time is one look at one route, from 'admission' on one opportunity.", soft_wrap=True
        )


def _show_ends(summary: Summary, console: Console) -> None:
    console.print(f"Executions by final state: {_counts(summary.executions)}", soft_wrap=True)
    if waiting := summary.executions.get(ExecutionState.NEEDS_PERSON, 0):
        console.print(
            f"{waiting} could not be unwound: their position stays open and is not in the sum.", soft_wrap=True
        )
    console.print(f"Breakers, times opened: {_counts(summary.breakers)}", soft_wrap=True)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items()) or "none"
