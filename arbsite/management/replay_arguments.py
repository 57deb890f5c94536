"""How a command line says what is replayed and on what assumptions: shared by the replay and the backtest."""

import logging
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

from django.core.management.base import CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from domain.costs import FeeSchedule, parse_fees
from domain.errors import BadInput
from domain.scope import Mode
from trading.management.span_arguments import first_instant, last_instant
from trading.services.candles import market_stated_as
from trading.services.recording.source import RECORDED_MODES
from trading.services.replay.driver import Progress as ProgressCallback
from trading.services.replay.options import DEPTH_USD, EVERY_RECORDING, LATENCY_MS, SPREAD_BPS, ReplayOptions


def add_replay_arguments(parser: CommandParser) -> None:
    """Declare what is replayed, and on what assumptions."""
    _add_source_arguments(parser)
    parser.add_argument(
        "--fees",
        action="append",
        default=[],
        metavar="VENUE=MAKER/TAKER",
        help="what a venue charges, in bps, instead of the recorded fees or the dated table; once per venue",
    )
    parser.add_argument(
        "--spread-bps",
        type=decimal,
        default=SPREAD_BPS,
        help="assumed around every candle's price (default %(default)s)",
    )
    parser.add_argument(
        "--depth-usd", type=decimal, default=DEPTH_USD, help="assumed on either side of it (default %(default)s)"
    )
    parser.add_argument(
        "--latency-ms", type=int, help=f"from decision to fill (default as recorded, {LATENCY_MS} for candles)"
    )
    parser.add_argument(
        "--min-net-bps", type=decimal, help="what must be left after costs (default as recorded or configured)"
    )
    parser.add_argument(
        "--speed", type=decimal, help="recorded seconds a second: 1 is real time (default as fast as possible)"
    )
    parser.add_argument("--seed", type=int, default=0, help="kept with the run; nothing is drawn at random")


def _add_source_arguments(parser: CommandParser) -> None:
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="one-minute candles, gz or plain")
    parser.add_argument(
        "--as",
        dest="markets",
        action="append",
        default=[],
        metavar="VENUE:PAIR",
        help="what a file holds, once per file, in order",
    )
    parser.add_argument(
        "--recording",
        nargs="?",
        const=EVERY_RECORDING,
        type=recording,
        metavar="ID",
        help="what collect or stream recorded, instead of files: one recording, or without an ID all of them",
    )
    parser.add_argument(
        "--recorded-in",
        choices=[mode.value for mode in RECORDED_MODES],
        default=Mode.DRY_RUN.value,
        help="the mode that recorded (default %(default)s)",
    )
    parser.add_argument(
        "--from",
        dest="first",
        type=first_instant,
        metavar="TIME",
        help="where to begin: a date, or an instant as 2023-03-11T04:00 (UTC)",
    )
    parser.add_argument(
        "--to",
        dest="last",
        type=last_instant,
        metavar="TIME",
        help="where to end: before an instant, or with the end of a date",
    )


def options_of(options: dict[str, Any]) -> ReplayOptions:
    """Return what a command line chose. Raises: BadInput."""
    if not options["files"] and options["recording"] is None:
        raise BadInput("nothing is named to replay: name files of candles, or say --recording")
    if options["recording"] is not None and options["markets"]:
        raise BadInput("--as says what files hold, but --recording names none")
    return ReplayOptions(
        markets=tuple(market_stated_as(text) for text in options["markets"]),
        fees=_fees(options["fees"]),
        spread_bps=options["spread_bps"],
        depth_usd=options["depth_usd"],
        latency_ms=options["latency_ms"],
        min_net_bps=options["min_net_bps"],
        seed=options["seed"],
        recording=options["recording"],
        recorded_in=Mode(options["recorded_in"]),
        first=options["first"],
        last=options["last"],
        speed=options["speed"],
    )


def recording(text: str) -> int | Literal["all"]:
    """Return the number of a recording, or that all are meant."""
    if text == EVERY_RECORDING:
        return EVERY_RECORDING
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise ArgumentTypeError(f"{text!r} is not the number of a recording")
    return int(text)


def decimal(text: str) -> Decimal:
    """Return a number exactly as it is written."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"{text!r} is not a number") from None


def _fees(stated: Sequence[str]) -> dict[str, FeeSchedule]:
    fees: dict[str, FeeSchedule] = {}
    for text in stated:
        venue, schedule = parse_fees(text)
        if venue in fees:
            raise BadInput(f"--fees states {venue} twice")
        fees[venue] = schedule
    return fees


@contextmanager
def faults_alone_are_logged() -> Iterator[None]:
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


@contextmanager
def progress_shown(name: str) -> Iterator[ProgressCallback]:
    """Show a bar on a terminal's stderr; anywhere else nothing."""
    console = Console(stderr=True)
    if not (console.is_terminal and sys.stderr.isatty()):
        yield lambda done, total: None
        return
    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
