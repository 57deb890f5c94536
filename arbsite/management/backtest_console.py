"""A backtest's report on a terminal: sentences first, then tables that fit eighty columns."""

from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console

from trading.management.tables import plain_table, print_apart
from trading.services.backtest import words
from trading.services.backtest.compare import Comparison, Row
from trading.services.backtest.figures import Report
from trading.services.backtest.run import Unreadable
from trading.services.backtest.tables import sheets_of
from trading.services.replay.assumptions import assumptions_in_words


def show_report(report: Report, console: Console) -> None:
    """Print one report."""
    console.print(f"[bold]Would it have paid?[/bold] {words.span(report)}")
    for number, sentence in enumerate(words.headline(report)):
        console.print(sentence, style="bold" if number == 0 else None)
    console.print(words.capital(report))
    for sheet in sheets_of(report):
        _show_table(sheet.title, sheet.names, sheet.rows, console)
    console.print()
    for line in words.reasons(report):
        console.print(line)
    for line in (words.sum_of_parts(report), *assumptions_in_words(report.assumptions)):
        console.print(line, style="dim")
    console.print(f"Run {report.run_id}, digest {report.digest}", soft_wrap=True)


def show_list(found: Sequence[Report | Unreadable], console: Console) -> None:
    """Print one line a report."""
    names = ("run", "executed", "hold", "inventory", "change", "drawdown")
    _show_table("Backtests, the newest first, in US dollars", names, [_line(report) for report in found], console)
    console.print("'backtest show RUN' shows one, 'backtest compare RUN RUN' compares two.")


def show_comparison(found: Comparison, console: Console) -> None:
    """Print two reports side by side."""
    rows = [
        (row.name, _figure(row, row.one), _figure(row, row.other), _figure(row, row.difference)) for row in found.rows
    ]
    _show_table(" and ".join(found.run_ids), ("", "the first", "the second", "difference"), rows, console)
    if not found.assumptions:
        console.print("They rest on the same assumptions.")
    for name, one, other in found.assumptions:
        console.print(f"{name}: {one} in the first, {other} in the second")


def _figure(row: Row, value: Decimal) -> str:
    match row.unit:
        case "usd":
            return words.change(value)
        case "share":
            return words.percent(value)
    return f"{value:,f}"


def _line(report: Report | Unreadable) -> Sequence[str]:
    if isinstance(report, Unreadable):
        return (f"{report.run_id}: cannot be read, run it again",)
    parts = (report.executed_usd, report.hold_usd, report.inventory_usd, report.change_usd)
    return (report.run_id, *map(words.change, parts), words.percent(report.falls.equity.share))


def _show_table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    table = plain_table(console, title, *names)
    for row in rows:
        table.add_row(*row)
    print_apart(table, console)
