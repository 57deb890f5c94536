"""The validation as one page of HTML that holds everything: text, tables, plots as SVG; light and dark."""

from dataclasses import dataclass

from django.template.loader import render_to_string

from mlops.measures import titled
from mlops.validation import words
from mlops.validation.figures import ModelReport, Report
from mlops.validation.plots import charts_of, effect_chart
from ops.plots import Chart
from ops.reports import Sheet

TEMPLATE = "mlops/validation_report.html"


@dataclass(frozen=True, slots=True)
class Section:
    """A model's part of the page."""

    title: str
    lines: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    charts: tuple[Chart, ...]


def page_of(report: Report) -> str:
    """Return the page."""
    told = {
        "report": report,
        "span": words.span(report),
        "headline": words.headline(report),
        "tiles": _tiles(report),
        "sections": [_section(one) for one in report.models],
        "days": words.days_sheet(report.days) if report.days else None,
        "effect_chart": effect_chart(report),
        "reading": words.READING,
    }
    return render_to_string(TEMPLATE, told)


def _section(report: ModelReport) -> Section:
    subject = report.subject
    title = f"{words.TITLES[subject.model]} {subject.tag}{f', {subject.alias}' if subject.alias else ''}"
    lines = (words.verdict_said(report), *words.notes(report))
    return Section(title, lines, tuple(words.sheets_of(report)), tuple(charts_of(report)))


def _tiles(report: Report) -> list[tuple[str, str, str]]:
    """The figures that are read first: name, amount, and what it is."""
    judged, effect = report.models, report.effect
    tiles = [("Outcomes", f"{report.outcomes:,}", f"{report.executed:,} of them executed")]
    if effect.n:
        tiles.append(("Against the rule", words.signed_usd(effect.change_usd), f"{effect.refused:,} refused"))
    for one in judged:
        name = next((figure for figure in one.figures if figure.verdict is not None), None)
        if one.n and name is not None:
            meaning = f"{titled(name.name)}, {words.TITLES[one.subject.model]}"
            tiles.append((words.TITLES[one.subject.model], words.amount(name.value, name.unit), meaning))
    return tiles
