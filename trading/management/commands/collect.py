"""``manage.py collect``: the dry run on real markets' public data, recorded, in one process and without any key."""

import json
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from domain.errors import BadInput, Unreachable
from domain.scope import Mode
from trading.management.collect_console import Lines, Silence, nothing_came
from trading.management.span_arguments import length_of
from trading.management.terminal import leave_the_terminal_to_words
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.services.collect.figures import Figures
from trading.services.collect.run import collect, look_once
from trading.services.simulated import check_simulated
from trading.venues import roster

COLLECTED = (Mode.DRY_RUN, Mode.SIM)


class Command(BaseCommand):
    """Collects until it is stopped, and says what it came to."""

    help = (
        "Watch the venues' public market data without any key, decide and trade on paper, and record every book, until "
        "Ctrl-C or for --duration. Recordings are what replay, backtest and breakeven work on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mode", help="dry_run (the default) or sim")
        parser.add_argument("--duration", type=length_of, metavar="TIME", help="end after 90s, 20m or 2h")
        parser.add_argument("--once", action="store_true", help="one look at every market, by REST; nothing is traded")
        parser.add_argument("--json", action="store_true", help="one object at the end, and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        """Collect. Raises: BadInput; Refused; Unreachable where no venue gave any book."""
        scope = settings.ARB.scope
        duration_s = options["duration"].total_seconds() if options["duration"] else None
        if scope.mode not in COLLECTED:
            raise BadInput(f"collect is a dry run and does not work in {scope.mode}: choose dry_run or sim")
        if options["once"] and duration_s is not None:
            raise BadInput("--once and --duration exclude each other: one look takes as long as it takes")
        if scope.mode is Mode.SIM:
            check_simulated(roster.addresses(settings.ARB.venues))
        lines = Lines(cast(IO[str], self.stdout))
        teller = Silence() if options["json"] else lines
        if not options["json"]:
            leave_the_terminal_to_words()
        if options["once"]:
            figures, looks = look_once(scope, clock=SYSTEM_CLOCK, teller=teller)
            told = figures.as_json() | {"routes": [look.as_json() for look in looks]}
        else:
            figures = collect(scope, clock=SYSTEM_CLOCK, teller=teller, duration_s=duration_s)
            looks = []
            told = figures.as_json()
        if options["json"]:
            self.stdout.write(json.dumps(told))
        else:
            lines.shows(looks)
            lines.ends(figures, is_look=options["once"])
        _check(figures, is_bounded=options["once"] or duration_s is not None)


def _check(figures: Figures, *, is_bounded: bool) -> None:
    if is_bounded and not figures.books:
        raise Unreachable(nothing_came(figures))
