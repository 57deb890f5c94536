"""The base of trading's pages: bounded lists, written columns, and details made of panels."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import JSONField, Model
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.html import format_html
from unfold.decorators import display

from ops.admin_base import MODE_COLOURS, ReadOnlyAdmin
from trading.admin import figures, panels
from trading.admin.filters import ModeFilter, RunFilter
from trading.admin.panels import Panel

_SHORT_RUN = 8
MOST_ROWS = 10_000  # a list pages this far and counts no further; filters lead to older rows

Column = Callable[[Any], Any]


def column(name: str, title: str = "") -> Column:
    """Return a list's column that writes the attribute for people and sorts by it."""

    @display(description=title or figures.words(name), ordering=name)
    def written(row: Any) -> str | None:
        value = getattr(row, name)
        if value is None or value == "":
            return None
        text = figures.shown(name, value)
        is_whole = isinstance(value, datetime) or name == "route_key"
        return format_html('<span class="whitespace-nowrap">{}</span>', text) if is_whole else text

    written.__name__ = name
    return written


def result(name: str, title: str = "") -> Column:
    """Return a column of money that was gained or lost, coloured."""

    @display(description=title or figures.words(name), ordering=name)
    def written(row: Any) -> str | None:
        value = getattr(row, name)
        return None if value is None else panels.gain(name, value)

    written.__name__ = name
    return written


def light(name: str, colours: dict[str, str], title: str = "") -> Column:
    """Return a column whose word stands on the colour it has in ``colours``."""

    @display(description=title or name, ordering=name, label=dict(colours))
    def written(row: Any) -> tuple[str, str]:
        value = str(getattr(row, name))
        return value, figures.words(value)

    written.__name__ = name
    return written


def to(name: str, title: str = "") -> Column:
    """Return a column that leads to the row behind a foreign key; put it in ``list_select_related``."""

    @display(description=title or name, ordering=f"{name}_id")
    def written(row: Any) -> str:
        return panels.link(getattr(row, name), str(getattr(row, f"{name}_id")))

    written.__name__ = name
    return written


class CappedPaginator(Paginator):
    """Pages of a list that may be endless: counts no further than ``MOST_ROWS``."""

    template_name = "trading/pagination.html"

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, at most ``MOST_ROWS``."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_ROWS].count())

    @property
    def is_capped(self) -> bool:
        """Return whether there may be more rows than were counted."""
        return self.count == MOST_ROWS


class TradingAdmin(ReadOnlyAdmin):
    """History of trading: this process's mode at first, details made of panels."""

    list_filter: Any = (ModeFilter, RunFilter)
    list_filter_submit = True
    show_facets = admin.ShowFacets.NEVER  # counting each choice would read the whole table
    paginator = CappedPaginator
    change_form_template = "trading/detail.html"
    fields = ("mode",)  # the form shows nothing: the panels do

    @display(description="mode", ordering="mode", label=MODE_COLOURS)
    def scope_label(self, row: Any) -> tuple[str, str]:
        """Return the mode, with the end of its run's id: the detail page and the filter tell all of it."""
        run = row.run_id if len(row.run_id) <= _SHORT_RUN else f"…{row.run_id[-4:]}"
        return row.mode, f"{figures.words(row.mode)} {run}".strip()

    def panels(self, row: Any) -> list[Panel]:
        """Return what the detail page shows: by default every column, then every JSON column."""
        parts: list[Panel] = [panels.facts_of(row, self.opts.verbose_name.capitalize())]
        for field in self.opts.concrete_fields:
            if isinstance(field, JSONField):
                parts += panels.from_json(figures.words(field.name).capitalize(), getattr(row, field.name))
        return parts

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Model | None = None, **kwargs: Any
    ) -> HttpResponse:
        """Show the panels of this row, marked with its mode and run."""
        if obj is not None:
            scope = obj.scope  # type: ignore[attr-defined]
            context |= {"panels": self.panels(obj), "scope": str(scope), "scope_colour": MODE_COLOURS[scope.mode]}
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)
