"""The columns of a list, written for people."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from unfold.decorators import display

from ops.admin import figures

_WHOLE = {"model_name", "process", "route_key"}  # short enough to stay on one line

Column = Callable[[Any], Any]


def column(name: str, title: str = "", form: str = "") -> Column:
    """Return a list's column that writes the attribute for people, in the ``form`` given, and sorts by it."""

    @display(description=title or figures.words(name), ordering=name)
    def written(row: Any) -> str | None:
        value = getattr(row, name)
        if value is None or value == "":
            return None
        text = format(value, form) if form else figures.shown(name, value)
        is_whole = isinstance(value, datetime) or name in _WHOLE
        return format_html('<span class="whitespace-nowrap">{}</span>', text) if is_whole else text

    written.__name__ = name
    return written


def result(name: str, title: str = "", unit: str = "") -> Column:
    """Return a column of money that was gained or lost, coloured; the unit is the last word of its name."""

    @display(description=title or figures.words(name), ordering=name)
    def written(row: Any) -> str | None:
        value = getattr(row, name)
        return None if value is None else figures.gain(unit or name, value)

    written.__name__ = name
    return written


def light(name: str, colours: dict[str, str], title: str = "", words: Mapping[str, str] | None = None) -> Column:
    """Return a column whose value, said in ``words`` where those have it, stands on its colour in ``colours``."""

    def said(value: str) -> str:
        return (words or {}).get(value, figures.words(value))

    @display(description=title or name, ordering=name, label={said(value): colour for value, colour in colours.items()})
    def written(row: Any) -> str:
        return said(str(getattr(row, name)))

    written.__name__ = name
    return written
