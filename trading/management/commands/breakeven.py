"""``manage.py breakeven``: would it have paid, said in plain words first, then the figures behind them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.padding import Padding

from trading.formats import NOTHING, in_bps, in_bps_needed, in_usd
from trading.json_values import to_json
from trading.management.scope_arguments import add_scope_arguments, scope_of
from trading.management.span_arguments import add_span_arguments, span_of
from trading.management.tables import plain_table, print_apart
from trading.selectors import verdict_words as words
from trading.selectors.verdict import DayVerdict, PairVerdict, RouteVerdict, Verdict, verdict_of
from trading.services.venues import fees_of

RATIOS = ("bps", "share")  # numbers in JSON; money is exact text
MOST_DAYS = 14  # in the table; of more, those on which something paid
MOST_PAIRS = 6
MOST_ROUTES = 6  # of each pair


class Command(BaseCommand):
    """Says whether trading would have paid, and by how much it missed."""

    help = (
        "Say whether it would have paid: the edge a trade needs, the edges that were offered, and what would change it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_span_arguments(parser)
        add_scope_arguments(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        scope = scope_of(options)
        span = span_of(options, scope, now=datetime.now(UTC))
        found = verdict_of(scope, span, fees_of=fees_of)
        if options["json"]:
            self.stdout.write(json.dumps(_told(found), indent=2))
        else:
            _show(found, Console(file=cast(IO[str], self.stdout), highlight=False))


def _told(found: Verdict) -> dict[str, Any]:
    said = {
        "title": words.title(found),
        "headline": words.headline(found),
        "reasons": words.reasons(found),
        "change": words.change(found),
        "notes": words.notes(found),
    }
    return said | to_json(found, floats=RATIOS)


def _show(found: Verdict, console: Console) -> None:
    console.print(f"[bold]Would it have paid?[/bold] {words.title(found)}")
    for number, sentence in enumerate(words.headline(found)):
        console.print(sentence, style="bold" if number == 0 else None)
    for reason in words.reasons(found):
        console.print(Padding(f"- {reason}", (0, 0, 0, 2), expand=False))
    if found.offered is None:
        return
    _show_offers(found, console)
    _show_days(found, console)
    _show_change(found, console)
    console.print()
    for note in words.notes(found):
        console.print(note, style="dim")


def _show_offers(found: Verdict, console: Console) -> None:
    names = ("needed", "median", "90 %", "99 %", "best", f"{found.terms.unit}s", "enough", "trades")
    table = plain_table(console, "What was offered, in bps", "", *names)
    for pair in found.pairs[:MOST_PAIRS]:
        is_only = len(words.symbols_of(pair)) == 1
        table.add_row(words.pair_named(pair), *_figures(pair))
        for route in pair.routes[:MOST_ROUTES]:
            table.add_row(f"  {words.route_named(route.route_key, is_only_symbol=is_only)}", *_figures(route))
    print_apart(table, console)
    if len(found.pairs) > MOST_PAIRS:
        console.print(f"And {len(found.pairs) - MOST_PAIRS} more pairs of venues: --json shows all.")


def _show_days(found: Verdict, console: Console) -> None:
    days = found.days if len(found.days) <= MOST_DAYS else found.days_paid[-MOST_DAYS:]
    names = [f"{found.terms.unit}s", "median", "99 %", "best", "enough", "trades"]
    if found.trades:
        names += ["planned", "filled", "kind"]
    table = plain_table(console, "Day by day (UTC)", "", *names, texts=("kind",))
    for day in days:
        table.add_row(*_day(day)[: len(names) + 1])
    print_apart(table, console)
    if len(days) < len(found.days):
        console.print(f"And {len(found.days) - len(days)} more days: --json shows all.")


def _show_change(found: Verdict, console: Console) -> None:
    names = ("both fees, bps", f"{found.terms.unit}s enough", "share", "days", "")
    table = plain_table(console, "What would change it: lower fees", *names)
    total = found.offered.count if found.offered else 0
    for step in found.steps:
        share = f"{step.looks / total:.1%}" if total else NOTHING
        table.add_row(f"{step.total_bps:f}", f"{step.looks:,}", share, str(step.days), step.meaning)
    print_apart(table, console)
    for sentence in words.change(found):
        console.print(sentence)


def _figures(found: PairVerdict | RouteVerdict) -> list[str]:
    lie, count = found.offered, found.offered.count if found.offered else 0
    edges = (lie.median_bps, lie.p90_bps, lie.p99_bps, lie.greatest_bps) if lie else (None,) * 4
    shown = [_edge(edge) for edge in edges]
    return [in_bps_needed(found.needed_bps), *shown, f"{count:,}", f"{found.above:,}", f"{found.trades:,}"]


def _day(day: DayVerdict) -> list[str]:
    lie, count = day.offered, day.offered.count if day.offered else 0
    shown = [_edge(edge) for edge in ((lie.median_bps, lie.p99_bps, lie.greatest_bps) if lie else (None,) * 3)]
    filled = NOTHING if day.settled_usd is None else in_usd(day.settled_usd)
    kind = words.kind_of(day)
    traded = [in_usd(day.planned_usd), filled, kind] if day.trades else ["", "", kind if day.above else ""]
    return [f"{day.day:%d %b}".lstrip("0").rjust(6), f"{count:,}", *shown, f"{day.above:,}", f"{day.trades:,}", *traded]


def _edge(edge: Decimal | None) -> str:
    return NOTHING if edge is None else in_bps(edge)
