"""The report as one page of HTML that holds everything: text, tables, plots as SVG; light and dark."""

import os
from contextlib import suppress
from pathlib import Path

from django.template.loader import render_to_string

from domain.errors import ArbError, BadInput
from trading.services.backtest import words
from trading.services.backtest.charts import charts_of
from trading.services.backtest.figures import Report
from trading.services.backtest.tables import sheets_of
from trading.services.replay.assumptions import assumptions_in_words

TEMPLATE = "trading/backtest_report.html"
_BEGINS = b"<!doctype html>"


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


def check_writable(path: Path) -> None:
    """Raise BadInput unless a page can be written there: asked before a long run, not after it."""
    if path.is_dir():
        raise BadInput(f"--html {path} is a folder: name a file")
    if not path.parent.is_dir():
        raise BadInput(f"--html {path} cannot be written: there is no folder {path.parent}")
    if path.exists() and not _is_page(path):
        raise BadInput(f"--html {path} holds something else than a page: name another file")
    try:
        _unfinished(path).touch()
    except OSError as error:
        raise BadInput(f"--html {path} cannot be written: {error.strerror}") from None
    finally:
        _drop(_unfinished(path))


def write_page(report: Report, path: Path) -> None:
    """Write the page, whole or not at all. Raises: Unwritten where the disk does not take it."""
    unfinished, text = _unfinished(path), page_of(report)
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        told = f"--html {path} is not written: {error.strerror}; backtest show {report.run_id} --html PATH writes it"
        raise Unwritten(told) from error
    finally:
        _drop(unfinished)


def _is_page(path: Path) -> bool:
    """Whether a file may be written over: an empty one, or a page as ours begins. A device is none."""
    if not path.is_file():
        return False
    with path.open("rb") as held:
        start = held.read(len(_BEGINS))
    return start.lower() in (b"", _BEGINS)


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _drop(unfinished: Path) -> None:
    with suppress(OSError):  # where nothing can be written, nothing is there
        unfinished.unlink(missing_ok=True)


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
