"""``manage.py scan``: every route looked at once, at a fixed pace, decided and committed as the stream does."""

import json
import os
import signal
import threading
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from domain.errors import BadInput, Refused, Unreachable
from domain.routes import route_said
from domain.scope import Mode
from ops.reports import plural
from trading.dispatch import OutboxDispatch
from trading.formats import NOTHING, in_bps
from trading.json_values import to_json
from trading.management.listings import ensure_listings
from trading.management.tables import plain_table, print_apart
from trading.management.terminal import leave_the_terminal_to_words
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.selectors.why_words import reason_in_words
from trading.services import scan
from trading.services.scan import RouteFound, Scan
from trading.services.simulated import check_simulated
from trading.venues import roster

EVERY_S = 5.0
PATIENCE_S = 10.0  # with a scan that is under way when we are asked to end
MOST_ROUTES = 20
RATIOS = ("bps",)
UNLIKE = "no_conversion"


class Command(BaseCommand):
    """Scans until it is stopped, or once."""

    help = (
        "Look at every route at a fixed pace: books from the price cache, by REST what no stream shows. What pays is "
        "decided and committed as the stream does; without a stream beside it nothing is traded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        pace = parser.add_mutually_exclusive_group()
        pace.add_argument("--once", action="store_true", help="one scan")
        pace.add_argument("--every", type=_seconds, default=EVERY_S, metavar="S", help="seconds from scan to scan: 5")
        parser.add_argument("--mode", choices=list(Mode), help="the mode; by default the configured one")
        parser.add_argument("--json", action="store_true", help="one JSON object for each scan")

    def handle(self, *args: Any, **options: Any) -> None:
        """Scan. Raises: BadInput; Refused while another scan runs; Unreachable where no market could be seen."""
        scope = settings.ARB.scope
        if scope.mode is Mode.REPLAY:
            raise BadInput("a replay has no market to scan: choose dry_run, sim or live")
        if scope.mode is Mode.SIM:
            check_simulated(roster.addresses(settings.ARB.venues))
        console = Console(file=cast(IO[str], self.stdout), highlight=False)
        leave_the_terminal_to_words()
        ensure_listings(scope, console, is_quiet=options["json"])
        dispatch, connections = OutboxDispatch(scope), scan.process_connections(SYSTEM_CLOCK)
        with _asked_to_end() as ended:
            while True:
                found = scan.scan(scope, clock=SYSTEM_CLOCK, dispatch=dispatch, connections=connections)
                self._tell(found, console, options)
                if options["once"]:
                    return _check(found)
                if ended.wait(options["every"]):
                    return None

    def _tell(self, found: Scan, console: Console, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(to_json(found, floats=RATIOS)))
            self.stdout.flush()
        elif options["once"]:
            _show(found, console)
        else:
            console.print(_line(found), soft_wrap=True, markup=False)


def _check(found: Scan) -> None:
    if found.skipped:
        raise Refused(f"nothing was scanned: {found.skipped}")
    if not found.markets:
        raise Unreachable(f"no market could be seen: {'; '.join(_missing(found))}")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.5 <= seconds <= 3_600:
        raise ArgumentTypeError(f"{text!r} is no pace: write seconds from 0.5 to 3600")
    return seconds


@contextmanager
def _asked_to_end() -> Iterator[threading.Event]:
    """Give what is set on SIGTERM; asked twice, or ``PATIENCE_S`` later, whatever is under way ends as by Ctrl-C."""
    ended = threading.Event()
    again = threading.Timer(PATIENCE_S, os.kill, (os.getpid(), signal.SIGTERM))
    again.daemon = True

    def end(*_: object) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        ended.set()
        again.start()

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield ended
    finally:
        again.cancel()
        signal.signal(signal.SIGTERM, before)


def _line(found: Scan) -> str:
    at = f"{found.at:%H:%M:%S}"
    if found.skipped:
        return f"{at} skipped: {found.skipped}"
    paid = "; ".join(_opportunity(one) for one in found.opportunities) or "nothing pays"
    return f"{at} {_sources(found)}, {plural(len(found.routes), 'route')} in {found.took_ms} ms: {paid}"


def _sources(found: Scan) -> str:
    asked = f", {found.by_rest} of them asked for" if found.by_rest else ""
    missing = f", {len(found.missing)} missing" if found.missing else ""
    return f"{plural(found.markets, 'market')}{asked}{missing}"


def _opportunity(one: RouteFound) -> str:
    assert one.net_bps is not None
    return f"{route_said(one.route_key)} {in_bps(one.net_bps)} bps ({reason_in_words(one.outcome)})"


def _show(found: Scan, console: Console) -> None:
    if found.skipped or not found.markets:
        return  # said as the error that ends the command
    table = plain_table(console, "Every route at one instant, the best first", "route", "gap bps", "net bps", " ")
    for one in sorted(found.routes, key=_worth, reverse=True)[:MOST_ROUTES]:
        table.add_row(route_said(one.route_key), _bps(one.gap_bps), _bps(one.net_bps), reason_in_words(one.outcome))
    print_apart(table, console)
    if len(found.routes) > MOST_ROUTES:
        console.print(f"And {len(found.routes) - MOST_ROUTES} routes that offer less: --json shows all.")
    console.print()
    for sentence in _notes(found):
        console.print(sentence, markup=False, soft_wrap=True)


def _worth(one: RouteFound) -> tuple[int, Decimal | int]:
    """Rank what was reckoned by its net edge, then what was only compared by its gap."""
    if one.net_bps is not None:
        return (2, one.net_bps)
    return (0, 0) if one.gap_bps is None or one.outcome == UNLIKE else (1, one.gap_bps)


def _bps(value: Decimal | None) -> str:
    return NOTHING if value is None else in_bps(value)


def _notes(found: Scan) -> list[str]:
    said = [f"{_sources(found)}, {plural(len(found.opportunities), 'opportunity')}; it took {found.took_ms} ms."]
    if found.cache_problem:
        said.append(f"Books were asked for by REST: {found.cache_problem}.")
    said += [f"Missing: {one}." for one in _missing(found)]
    if found.opportunities and not found.is_streamed:
        said.append(
            "Nothing was traded: no stream watches these markets, and a paper order meets the book it observes."
        )
    return said


def _missing(found: Scan) -> list[str]:
    """Return why markets are missing, those of one venue and reason together."""
    together: dict[tuple[str, str], list[str]] = {}
    for market, reason in found.missing.items():
        venue, _, symbol = market.partition(":")
        together.setdefault((venue, reason), []).append(symbol)
    return [
        f"{venue} {', '.join(symbols)} ({reason_in_words(reason)})" for (venue, reason), symbols in together.items()
    ]
