"""``manage.py replay FILE...``: recorded one-minute candles of several venues, lived through on a virtual clock."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from domain.costs import FeeSchedule, parse_fees
from domain.errors import BadInput
from domain.execution import ExecutionState
from trading.services.candles import market_stated_as
from trading.services.replay import ReplayOptions, ReplayResult, driver, replay
from trading.services.replay.options import DEPTH_USD, LATENCY_MS, SPREAD_BPS
from trading.services.replay.summary import Summary

MOST_REASONS = 12  # lines of the table of refusals


class Command(BaseCommand):
    """Replays recorded candles through the pipeline and prints what it would have done and earned."""

    help = (
        "Replay one-minute candles of two or more venues through the same pipeline that trades. A file's name states "
        "its venue and pair: <venue>_<BASE-QUOTE>_*.csv[.gz]."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="candles, gz or plain")
        parser.add_argument(
            "--as",
            dest="markets",
            action="append",
            default=[],
            metavar="VENUE:PAIR",
            help="what a file holds, once per file, in order",
        )
        parser.add_argument(
            "--fees",
            action="append",
            default=[],
            metavar="VENUE=MAKER/TAKER",
            help="what a venue charges, in bps, instead of the dated table; once per venue",
        )
        parser.add_argument(
            "--spread-bps", type=_decimal, default=SPREAD_BPS, help="assumed around every price (default %(default)s)"
        )
        parser.add_argument(
            "--depth-usd", type=_decimal, default=DEPTH_USD, help="assumed on either side (default %(default)s)"
        )
        parser.add_argument(
            "--latency-ms", type=int, default=LATENCY_MS, help="from decision to fill (default %(default)s)"
        )
        parser.add_argument(
            "--min-net-bps",
            type=_decimal,
            default=None,
            help="what must be left after costs (default: configured)",
        )
        parser.add_argument("--seed", type=int, default=0, help="kept with the run; candles draw nothing at random")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = ReplayOptions(
            markets=tuple(market_stated_as(text) for text in options["markets"]),
            fees=_fees(options["fees"]),
            spread_bps=options["spread_bps"],
            depth_usd=options["depth_usd"],
            latency_ms=options["latency_ms"],
            min_net_bps=options["min_net_bps"],
            seed=options["seed"],
        )
        logged = _faults_alone_are_logged() if options["verbosity"] < 2 else nullcontext()
        with logged, _progress() as progress:
            result = replay(options["files"], chosen, progress=progress)
        if options["json"]:
            self.stdout.write(json.dumps(result.as_json(), indent=2))
        else:
            _show(result, Console(file=cast(IO[str], self.stdout), highlight=False))


@contextmanager
def _faults_alone_are_logged() -> Iterator[None]:
    """Tell only of faults: what happened on a recorded day asks nothing of anybody now, and is in the run's rows."""
    loggers = [logging.getLogger(name) for name in ("ops", "risk", "trading", "trading.services.execution")]
    usual = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    loggers[-1].setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, usual, strict=True):
            logger.setLevel(level)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None


_decimal.__name__ = "number"  # argparse says "invalid number value"


def _fees(stated: Sequence[str]) -> dict[str, FeeSchedule]:
    fees: dict[str, FeeSchedule] = {}
    for text in stated:
        venue, schedule = parse_fees(text)
        if venue in fees:
            raise BadInput(f"--fees states {venue} twice")
        fees[venue] = schedule
    return fees


@contextmanager
def _progress() -> Iterator[driver.Progress]:
    """Show a bar on a terminal's stderr; anywhere else nothing."""
    console = Console(stderr=True)
    if not (console.is_terminal and sys.stderr.isatty()):
        yield lambda done, total: None
        return
    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TextColumn("minutes"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("replay", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(result: ReplayResult, console: Console) -> None:
    _show_assumptions(result, console)
    console.print(_days(result))
    _show_reasons(result, console)
    _show_ends(result.summary, console)
    console.print(f"Run {result.run_id}, digest {result.digest}", soft_wrap=True)
    console.print("Look at it: make web MODE=replay")


def _show_assumptions(result: ReplayResult, console: Console) -> None:
    told = result.assumptions
    for file in told["data"]:
        console.print(
            f"{file['venue']} {file['symbol']}: {file['minutes_traded']} minutes with trades, "
            f"{file['first_minute'][:16]} to {file['last_minute'][:16]} UTC ({file['file']})",
            soft_wrap=True,
        )
    for venue, fees in told["fees"].items():
        console.print(f"Fees {venue}: taker {fees['taker_bps']} bps ({fees['source']})", soft_wrap=True)
    rates = ", ".join(f"{asset} = {rate} USD" for asset, rate in told["quote_usd"].items())
    console.print(
        f"Assumed: spread {told['spread_bps']} bps, depth {told['depth_usd']} USD a side, latency "
        f"{told['latency_ms']} ms rounded up to whole minutes, filled at {told['fill']}; for valuation {rates}; "
        f"largest trade {told['max_trade_usd']} USD; more than {told['min_net_bps']} bps net.",
        soft_wrap=True,
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
