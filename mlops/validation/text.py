"""A validation as plain text: what the terminal shows and the log folder keeps, at most eighty columns wide."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from mlops.validation import words
from mlops.validation.figures import ModelReport, Report
from ops.reports import Sheet

WIDTH = 80


def text_of(report: Report) -> str:
    """Return the whole report."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield from wrap(f"Model validation: {words.span(report)}", WIDTH)
    yield ""
    for sentence in words.headline(report):
        yield from wrap(sentence, WIDTH, subsequent_indent="  ")
    for model in report.models:
        yield from _model(model)
    if report.days:
        yield from _table(words.days_sheet(report.days))
    yield ""
    for line in words.READING:
        yield from wrap(line, WIDTH)
    yield f"Made {report.created_at:%Y-%m-%d %H:%M} UTC"


def _model(report: ModelReport) -> Iterator[str]:
    subject = report.subject
    title = f"{words.TITLES[subject.model]} {subject.tag}{f' ({subject.alias})' if subject.alias else ''}"
    yield from ("", title, "=" * len(title))
    for note in words.notes(report):
        yield from wrap(note, WIDTH)
    if not report.n:
        yield from wrap(words.verdict_said(report), WIDTH)
    for sheet in words.sheets_of(report):
        yield from _table(sheet)


def _table(sheet: Sheet) -> Iterator[str]:
    """Yield a table: the first column to the left, figures to the right, a wider gap where there is room."""
    widths = [max(map(len, column)) for column in zip(sheet.names, *sheet.rows, strict=True)]
    gap = 2 if sum(widths) + 2 * (len(widths) - 1) <= WIDTH else 1
    yield from ("", sheet.title)
    for row in (sheet.names, *sheet.rows):
        yield _line(row, widths, gap)


def _line(cells: Sequence[str], widths: Sequence[int], gap: int) -> str:
    first, *others = zip(cells, widths, strict=True)
    return (" " * gap).join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()
