"""Filters of trading's lists; none of them reads a whole series to learn its choices."""

from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from domain.scope import Mode
from trading.admin.figures import words
from trading.selectors.pages import newest_runs_of, newest_values

EVERY = "all"
_NO_RUN = "-"


def chosen_mode(request: HttpRequest) -> str | None:
    """Return the mode a list is asked for: this process's own unless another is chosen, None for all."""
    asked = request.GET.get("mode") or settings.ARB.scope.mode.value
    return None if asked == EVERY else str(asked)


def in_chosen_mode(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows of the mode that a list is asked for."""
    mode = chosen_mode(request)
    return rows if mode is None else rows.filter(mode=mode)


class ModeFilter(DropdownFilter):
    """The mode: at first this process's own."""

    title = "mode"
    parameter_name = "mode"

    @property
    def all_option(self) -> tuple[str, str]:
        """Return what stands there when nothing was chosen."""
        return "", f"{settings.ARB.scope.mode} (this process)"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the other modes, and all of them."""
        others = [mode.value for mode in Mode if mode is not settings.ARB.scope.mode]
        return [*((mode, mode) for mode in others), (EVERY, "every mode")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of that mode."""
        return in_chosen_mode(request, queryset)


class RunFilter(DropdownFilter):
    """The run: one of the newest, or the rows of none."""

    title = "run"
    parameter_name = "run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the newest runs of the chosen mode, and the one that was asked for."""
        runs = newest_runs_of(chosen_mode(request))
        named = {run.run_id: f"{run.run_id} ({run.command})" for run in runs}
        asked = request.GET.get(self.parameter_name)
        named |= {} if asked in (None, "", _NO_RUN) or asked in named else {asked: asked}
        return [*named.items(), (_NO_RUN, "outside runs")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of that run."""
        if not self.value():
            return queryset
        return queryset.filter(run_id="" if self.value() == _NO_RUN else self.value())


class RecentValues(DropdownFilter):
    """One value of a column, chosen from those of the newest rows."""

    columns: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the values of the newest rows, and the one that was asked for."""
        seen = newest_values(in_chosen_mode(request, model_admin.model.objects.all()), self.columns)
        asked = {self.value()} if self.value() else set()
        return [(value, words(value)) for value in sorted(seen | asked)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows with that value in one of the columns."""
        if not self.value():
            return queryset
        matches = Q()
        for column in self.columns:
            matches |= Q(**{column: self.value()})
        return queryset.filter(matches)


def recent(*columns: str, title: str = "") -> type[RecentValues]:
    """Return a filter over the values that the newest rows have in ``columns``."""
    name = title or columns[0]
    members = {
        "title": words(name),
        "parameter_name": name,
        "columns": columns,
        "__doc__": f"The {name}, chosen from those of the newest rows.",
    }
    return type(f"Recent{name.title().replace('_', '')}", (RecentValues,), members)
