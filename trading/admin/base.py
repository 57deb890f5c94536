"""The base of trading's pages: written columns, a search that has its index, and details made of panels."""

import re
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from ops.admin import panels
from ops.admin.columns import Column
from ops.admin.detail import DetailAdmin
from ops.admin.filters import chosen_mode, chosen_run
from trading.selectors.pages import routes_of

_LONGEST_KEY = 19  # digits that surely fit a row's key
_CORRELATION = re.compile(r"[0-9a-f]{8}-?[0-9a-f-]{9,27}")


def to(name: str, title: str = "") -> Column:
    """Return a column that leads to the row behind a foreign key; put it in ``list_select_related``."""

    @display(description=title or name, ordering=f"{name}_id")
    def written(row: Any) -> str:
        return panels.link(getattr(row, name), str(getattr(row, f"{name}_id")))

    written.__name__ = name
    return written


class TradingAdmin(DetailAdmin):
    """History of trading: this process's scope at first, sought by numbers, ids or the words of a route."""

    sought: tuple[str, ...] = ()  # columns that hold exactly what is searched for, each with an index
    seeks_routes = False

    def get_search_fields(self, request: HttpRequest) -> Any:
        """Return what makes the search box appear; ``get_search_results`` does the searching."""
        return self.sought or (("route_key",) if self.seeks_routes else ())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that numbers or ids name, or whose route holds every word; an index finds either."""
        words = term.split()
        if not words:
            return queryset, False
        if self.seeks_routes and not all(map(_names_a_row, words)):
            return queryset.filter(route_key__in=self._routes(request, words)), False
        exact = Q(pk__in=[int(word) for word in words if _is_number(word)])
        for column in self.sought:
            exact |= Q(**{f"{column}__in": words})
        return queryset.filter(exact), False

    def _routes(self, request: HttpRequest, words: list[str]) -> list[str]:
        mode, run = chosen_mode(request), chosen_run(request, self.model)
        return routes_of(self.model, mode=mode, run_id=run, words=words)


def _names_a_row(word: str) -> bool:
    return _is_number(word) or _CORRELATION.fullmatch(word.lower()) is not None


def _is_number(word: str) -> bool:
    return word.isdecimal() and len(word) < _LONGEST_KEY
