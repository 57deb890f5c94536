"""A replay's result on a terminal, and the runs there are."""

from collections.abc import Sequence

from rich.console import Console

from domain.execution import ExecutionState
from domain.scope import Mode, Scope
from trading.formats import counts_in_words
from trading.management.tables import plain_table, print_apart
from trading.selectors import verdict_words
from trading.selectors.verdict import verdict_of
from trading.selectors.why_words import reason_in_words
from trading.services.replay.assumptions import assumptions_in_words
from trading.services.replay.run import ReplayResult
from trading.services.replay.runs import RunLine
from trading.services.replay.summary import Summary
from trading.services.venues import fees_of

MOST_REASONS = 12  # of each stage


def show_result(result: ReplayResult, console: Console) -> None:
    """Print whether it would have paid, then what one run assumed, found and earned."""
    _show_verdict(result.run_id, console)
    for line in assumptions_in_words(result.assumptions):
        console.print(line, soft_wrap=True)
    _show_days(result.summary, console)
    _show_reasons(result.summary, console)
    _show_ends(result.summary, console)
    console.print(f"Run {result.run_id}, digest {result.digest}", soft_wrap=True)
    console.print("All figures: manage.py breakeven --mode replay; on pages: make web MODE=replay", soft_wrap=True)


def show_runs(lines: Sequence[RunLine], console: Console) -> None:
    """Print one line a run."""
    names = ("run", "command", "state", "came to (UTC)", "digest")
    table = plain_table(console, "Runs, the latest first", *names, texts=names)
    for line in lines:
        came_to = f"{line.last_instant:%Y-%m-%d %H:%M:%S}" if line.last_instant else "-"
        state = "can go on" if line.can_resume else line.state  # short: a run's name must fit beside it to be copied
        table.add_row(line.run_id, line.command, state, came_to, line.digest[:12])
    print_apart(table, console)


def _show_verdict(run_id: str, console: Console) -> None:
    found = verdict_of(Scope(Mode.REPLAY, run_id), fees_of=fees_of)
    console.print(f"[bold]Would it have paid?[/bold] {verdict_words.title(found)}")
    for number, sentence in enumerate(verdict_words.headline(found)):
        console.print(sentence, style="bold" if number == 0 else None)
    console.print()


def _show_days(summary: Summary, console: Console) -> None:
    table = plain_table(console, "What it came to", "day (UTC)", "opportunities", "executions", "P&L in USD")
    days = {day.isoformat(): figures for day, figures in summary.per_day.items()}
    for name, figures in (days | {"all": summary.total}).items():
        table.add_row(name, str(figures.opportunities), str(figures.executions), f"{figures.pnl_to_the_cent:,}")
    print_apart(table, console)


def _show_reasons(summary: Summary, console: Console) -> None:
    title = "Why nothing, or no more, was traded"
    table = plain_table(console, title, "stage", "reason", "times", texts=("reason",))
    for stage, reasons in summary.refused.items():
        for reason, count in list(reasons.items())[:MOST_REASONS]:
            table.add_row(stage, reason_in_words(reason), f"{count:,}")
    if table.rows:
        print_apart(table, console)
        console.print("Up to 'size' a time is one look at one route, from 'admission' on one opportunity.")


def _show_ends(summary: Summary, console: Console) -> None:
    console.print(f"Executions by final state: {counts_in_words(summary.executions)}", soft_wrap=True)
    if waiting := summary.executions.get(ExecutionState.NEEDS_PERSON, 0):
        console.print(
            f"{waiting} could not be unwound: their position stays open and is not in the sum.", soft_wrap=True
        )
    console.print(f"Breakers, times opened: {counts_in_words(summary.breakers)}", soft_wrap=True)
