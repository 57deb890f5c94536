"""``manage.py backtest``: a replay with capital in place and a report that is kept, listed, shown and compared."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from arbsite.management.backtest_console import show_comparison, show_list, show_report
from arbsite.management.replay_arguments import (
    add_replay_arguments,
    decimal,
    faults_alone_are_logged,
    options_of,
    progress_shown,
)
from domain.errors import BadInput
from ops.page_files import check_writable
from trading.json_values import to_json
from trading.services.backtest.compare import compare
from trading.services.backtest.figures import Report
from trading.services.backtest.page import write_page
from trading.services.backtest.run import Capital, Unreadable, backtest, report_named, reports, resume_backtest

FOR_DRAWING = ("samples", "found")  # thousands of points, which only a plot needs


class Command(BaseCommand):
    """Runs a backtest and prints its report, or looks at the reports there are."""

    help = (
        "Replay candles or recordings with capital in place at every venue, and report what it would have come to: "
        "what the trades earned, what holding would have made, where the coins ended up. "
        "'backtest list' lists the reports, 'backtest show RUN' shows one, 'backtest compare RUN RUN' compares two."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_replay_arguments(parser)
        parser.add_argument(
            "--capital-usd", type=decimal, help="put at the venues before the first instant (default ARB_CAPITAL_USD)"
        )
        parser.add_argument(
            "--unlimited", action="store_true", help="let trades use more than lies at their venues, as a plain replay"
        )
        parser.add_argument("--resume", metavar="RUN", help="go on with a backtest that was broken off")
        parser.add_argument("--html", type=Path, metavar="PATH", help="write the report as one page with plots, too")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        words = [str(word) for word in options["files"]]
        looks: Mapping[str, Callable[[Sequence[str], dict[str, Any]], None]] = {
            "list": self._list,
            "show": self._show,
            "compare": self._compare,
        }
        if words and words[0] in looks:
            looks[words[0]](words[1:], options)
        else:
            self._run(options)

    def _run(self, options: dict[str, Any]) -> None:
        if options["html"]:
            check_writable(options["html"])
        logged = faults_alone_are_logged() if options["verbosity"] < 2 else nullcontext()
        with logged, progress_shown("backtest") as progress:
            if options["resume"]:
                report = resume_backtest(options["resume"], progress=progress)
            else:
                report = backtest(options["files"], options_of(options), _capital(options), progress=progress)
        self._tell(report, options)

    def _show(self, words: Sequence[str], options: dict[str, Any]) -> None:
        if len(words) != 1:
            raise BadInput("backtest show takes one run: 'backtest list' names those there are")
        if options["html"]:
            check_writable(options["html"])
        self._tell(report_named(words[0]), options)

    def _list(self, words: Sequence[str], options: dict[str, Any]) -> None:
        if words:
            raise BadInput(f"backtest list takes nothing more, but {words[0]!r} was given")
        found = reports()
        if options["json"]:
            self._write_json({"reports": [_short(report) for report in found]})
        elif found:
            show_list(found, self._console())
        else:
            self.stdout.write("No backtest is there yet: say backtest FILE FILE.")

    def _compare(self, words: Sequence[str], options: dict[str, Any]) -> None:
        if len(words) != 2:
            raise BadInput("backtest compare takes two runs: 'backtest list' names those there are")
        found = compare(*(report_named(word) for word in words))
        if options["json"]:
            self._write_json(found.as_json())
        else:
            show_comparison(found, self._console())

    def _tell(self, report: Report, options: dict[str, Any]) -> None:
        if options["html"]:
            write_page(report, options["html"])
        if options["json"]:
            self._write_json({name: told for name, told in report.as_json().items() if name not in FOR_DRAWING})
            return
        show_report(report, self._console())
        if options["html"]:
            self._console().print(f"The page is {options['html']}.", soft_wrap=True)

    def _write_json(self, told: Mapping[str, Any]) -> None:
        self.stdout.write(json.dumps(told, indent=2))

    def _console(self) -> Console:
        return Console(file=cast(IO[str], self.stdout), highlight=False)


def _capital(options: dict[str, Any]) -> Capital:
    stated: Decimal | None = options["capital_usd"]
    return Capital(settings.ARB.trading.capital_usd if stated is None else stated, not options["unlimited"])


def _short(report: Report | Unreadable) -> dict[str, Any]:
    if isinstance(report, Unreadable):
        return to_json(report)
    told = report.as_json()
    names = ("run_id", "created_at", "first_at", "last_at", "capital_usd", "is_limited", "executed_usd", "hold_usd")
    return {name: told[name] for name in (*names, "inventory_usd", "change_usd", "remainder_usd", "falls", "digest")}
