"""The report as one page of HTML that holds everything: text, tables, plots as SVG; light and dark."""

from pathlib import Path

from django.template.loader import render_to_string

from domain.errors import ArbError
from ops.page_files import write_whole
from trading.services.backtest import words
from trading.services.backtest.charts import charts_of
from trading.services.backtest.figures import Report
from trading.services.backtest.tables import sheets_of
from trading.services.replay.assumptions import assumptions_in_words

TEMPLATE = "trading/backtest_report.html"


class Unwritten(ArbError):
    """The page could not be written; the report is kept all the same."""


def page_of(report: Report) -> str:
    """Return the page."""
    told = {
        "report": report,
        "span": words.span(report),
        "headline": words.headline(report),
        "capital": words.capital(report),
        "tiles": _tiles(report),
        "sheets": sheets_of(report),
        "charts": charts_of(report),
        "reasons": words.reasons(report),
        "sum": words.sum_of_parts(report),
        "assumptions": assumptions_in_words(report.assumptions),
    }
    return render_to_string(TEMPLATE, told)


def write_page(report: Report, path: Path) -> None:
    """Write the page, whole or not at all. Raises: Unwritten where the disk does not take it."""
    text = page_of(report)
    try:
        write_whole(path, text)
    except OSError as error:
        told = f"--html {path} is not written: {error.strerror}; backtest show {report.run_id} --html PATH writes it"
        raise Unwritten(told) from error


def _tiles(report: Report) -> list[tuple[str, str, str]]:
    """The figures that are read first: name, amount, and what it is."""
    falls = report.falls
    return [
        ("Executed", words.change(report.executed_usd), "what the trades earned"),
        ("Inventory", words.change(report.inventory_usd), "what they moved, where it lies"),
        ("Hold", words.change(report.hold_usd), "what prices did to what was there"),
        ("Equity", words.change(report.change_usd), "all three, to the last digit"),
        ("Drawdown", words.percent(falls.equity.share), f"holding alone {words.percent(falls.hold.share)}"),
    ]
