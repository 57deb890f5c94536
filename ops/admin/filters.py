"""Which mode and run a list shows: at first this process's own, of replays the newest; no filter reads all rows."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from domain.scope import Mode
from ops.distinct import distinct_values

EVERY = "all"
_NO_RUN = "-"
_NEWEST_ROWS = 2_000
_MOST_RUNS = 50


def chosen_mode(request: HttpRequest) -> str | None:
    """Return the mode a list is asked for: this process's own unless another is chosen, None for all."""
    asked = request.GET.get("mode") or settings.ARB.scope.mode.value
    return None if asked == EVERY else str(asked)


def chosen_run(request: HttpRequest, model: type[Model]) -> str | None:
    """Return the run a list is asked for, empty for the rows outside runs and None for all."""
    mode, asked = chosen_mode(request), request.GET.get("run")
    if asked:
        return {EVERY: None, _NO_RUN: ""}.get(asked, asked)
    return None if mode is None else _own_run(mode, model)


def in_chosen_mode(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows of the mode that a list is asked for."""
    mode = chosen_mode(request)
    return rows if mode is None else rows.filter(mode=mode)


def in_chosen_scope(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows of the mode and the run that a list is asked for."""
    run = chosen_run(request, rows.model)
    rows = in_chosen_mode(request, rows)
    return rows if run is None else rows.filter(run_id=run)


def is_one_scope(request: HttpRequest, model: type[Model]) -> bool:
    """Return whether a list holds the rows of one scope alone, as its indexes do."""
    return chosen_mode(request) is not None and chosen_run(request, model) is not None


def _own_run(mode: str, model: type[Model]) -> str | None:
    """Return this process's run; of replays, which are all runs, the newest: their ids sort by time."""
    scope = settings.ARB.scope
    if mode == scope.mode and (scope.run_id or mode != Mode.REPLAY):
        return scope.run_id or ""
    if mode != Mode.REPLAY:
        return ""
    newest = _runs(model, mode, most=1)
    return newest[0] if newest else ""


def _runs(model: type[Model], mode: str, *, most: int = _MOST_RUNS) -> list[str]:
    counted = getattr(model, "counted_from", model)  # an aggregate has no index of its own where it is a plain view
    return distinct_values(counted, "run_id", where={"mode": mode}, most=most, descending=True)


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
    """The run: at first this process's own, of replays the newest."""

    title = "run"
    parameter_name = "run"

    def __init__(self, request: HttpRequest, params: Any, model: type[Model], model_admin: Any) -> None:
        self.request, self.model = request, model
        super().__init__(request, params, model, model_admin)

    @property
    def all_option(self) -> tuple[str, str]:
        """Return what stands there when nothing was chosen."""
        mode = chosen_mode(self.request)
        if mode is None:
            return "", "every run"
        own = _own_run(mode, self.model)
        whose = "newest" if mode == Mode.REPLAY else "this process"
        return "", f"{own} ({whose})" if own else "outside runs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the newest runs of the chosen mode, and the one that was asked for."""
        mode, asked = chosen_mode(request), request.GET.get(self.parameter_name)
        runs = _runs(model_admin.model, mode) if mode else []
        named = dict.fromkeys(run for run in (*runs, asked) if run and run not in (EVERY, _NO_RUN))
        return [*((run, run) for run in named), (_NO_RUN, "outside runs"), (EVERY, "every run")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of that run."""
        run = chosen_run(request, queryset.model)
        return queryset if run is None else queryset.filter(run_id=run)


class RecentValues(DropdownFilter):
    """One value of a column, chosen from those of the newest rows."""

    columns: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the values of the newest rows, and the one that was asked for."""
        rows = model_admin.rows_at_first(request).order_by(f"-{model_admin.newest_by(request)}")
        newest = rows.values_list(*self.columns)[:_NEWEST_ROWS]
        named = self.choices_of(newest)
        if self.value():
            named.setdefault(self.value(), self.value())
        return sorted(named.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows with that value in one of the columns."""
        return self.narrowed(queryset, self.value()) if self.value() else queryset

    def choices_of(self, rows: Iterable[tuple[str, ...]]) -> dict[str, str]:
        """Return the values in ``rows`` with their words."""
        return {value: value.replace("_", " ") for row in rows for value in row if value}

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return the rows with ``value`` in one of the columns."""
        matches = Q()
        for column in self.columns:
            matches |= Q(**{column: value})
        return queryset.filter(matches)


def recent(*columns: str, title: str = "") -> type[RecentValues]:
    """Return a filter over the values that the newest rows have in ``columns``."""
    name = title or columns[0]
    members = {
        "title": name.replace("_", " "),
        "parameter_name": name,
        "columns": columns,
        "__doc__": f"The {name}, chosen from those of the newest rows.",
    }
    return type(f"Recent{name.title().replace('_', '')}", (RecentValues,), members)
