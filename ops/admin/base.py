"""The base of every list of rows that nobody edits: one scope at first, bounded reads, a way to any hour, an export."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.db.models import BinaryField, JSONField, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList

from ops.admin.dates import drill_of
from ops.admin.export import csv_of
from ops.admin.filters import ModeFilter, RunFilter, chosen_mode, in_chosen_mode, in_chosen_scope, is_one_scope

MODE_COLOURS = {"sim": "info", "dry_run": "success", "live": "danger", "replay": "primary"}
MOST_ROWS = 2_000  # a list pages this far and counts no further; dates and filters lead to older rows


class CappedPaginator(Paginator):
    """Pages of a list that may be endless: counts no further than ``MOST_ROWS``."""

    template_name = "ops/pagination.html"

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, at most ``MOST_ROWS``; counted in the list's order, by the list's index."""
        rows: Any = self.object_list
        return int(rows[:MOST_ROWS].count())

    @property
    def is_capped(self) -> bool:
        """Return whether there may be more rows than were counted."""
        return self.count == MOST_ROWS


class SortedList(ChangeList):
    """A list that is sorted only by the columns it offers for that, whatever an address asks for."""

    def get_results(self, request: HttpRequest) -> None:
        """Read one page; how many rows there would be without filters is nobody's question."""
        super().get_results(request)
        self.full_result_count = self.result_count

    def get_ordering_field(self, field_name: str) -> Any:
        """Return what to sort by; None for a column that no index sorts."""
        return super().get_ordering_field(field_name) if field_name in self.sortable_by else None


class ScopedAdmin(ModelAdmin):
    """Lists scoped rows, newest first, with their mode as a coloured label; put ``scope_label`` in list_display."""

    list_filter: Any = (ModeFilter, RunFilter)
    newest_column = "id"  # one that an index over mode and run goes on with
    holds_days = False  # its dates are days, which lead to no hours
    spans_runs = False  # a small table whose list shows every run of the mode
    sortable_by: Any = ()  # a column without an index would be sorted row by row
    list_per_page = 50
    list_max_show_all = 200
    list_filter_submit = True
    compressed_fields = True
    paginator = CappedPaginator
    show_full_result_count = False  # counting a series takes longer than showing it
    show_facets = admin.ShowFacets.NEVER  # counting each choice would read the whole table
    change_list_template = "ops/change_list.html"

    @display(description="mode", ordering="mode", label=MODE_COLOURS)
    def scope_label(self, row: Any) -> tuple[str, str]:
        """Return the mode, with the end of its run's id: the detail page and the filter tell all of it."""
        run = f" …{row.run_id[-4:]}" if row.run_id else ""
        return row.mode, f"{row.mode.replace('_', ' ')}{run}"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that is sorted by an index alone."""
        return SortedList

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Return the columns that may be sorted by: over many scopes together no index sorts."""
        if not (self.spans_runs or is_one_scope(request, self.model)):
            return []
        return [name for name in self.list_display if getattr(name, "__name__", name) in self.sortable_by]

    def newest_by(self, request: HttpRequest) -> str:
        """Return the column a list is ordered by: of many scopes together only the key has an index."""
        return self.newest_column if self.spans_runs or is_one_scope(request, self.model) else "id"

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Return the filters; a list that shows every run has none for the run."""
        return [part for part in self.list_filter if not (self.spans_runs and part is RunFilter)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Return whether a list may be asked for this: only what a filter offers, which has an index."""
        return lookup.partition("__")[0] in {*map(_asked_by, self.list_filter), self.date_hierarchy}

    def rows_at_first(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the chosen mode and run before any other filter, in no order."""
        rows = self.model._default_manager.order_by()
        return in_chosen_mode(request, rows) if self.spans_runs else in_chosen_scope(request, rows)

    def get_ordering(self, request: HttpRequest) -> Any:
        """Return the newest first."""
        column = self.newest_by(request)
        return self.ordering if self.ordering and column == self.newest_column else (f"-{column}",)


class ReadOnlyAdmin(ScopedAdmin):
    """History: shown and exported, never added, changed or deleted here."""

    actions = None
    listed_documents: tuple[str, ...] = ()  # JSON that the list itself shows

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Refuse."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows; a list leaves documents and bytes where they are."""
        rows = super().get_queryset(request)
        is_detail = request.resolver_match is not None and "object_id" in request.resolver_match.kwargs
        return rows if is_detail else rows.defer(*self._documents())

    def _documents(self) -> list[str]:
        heavy = [field.name for field in self.opts.concrete_fields if isinstance(field, JSONField | BinaryField)]
        return [name for name in heavy if name not in self.listed_documents]

    def get_urls(self) -> list[Any]:
        """Return the pages, the export among them."""
        export = path("export/", self.admin_site.admin_view(self.export), name=f"{self._name}_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponse:
        """Send the filtered list as CSV."""
        if not self.has_view_permission(request):
            return HttpResponse("You may not see these rows.", status=403, content_type="text/plain")
        rows = self.get_changelist_instance(request).queryset
        name = f"{self.opts.verbose_name_plural}-{chosen_mode(request) or 'every-mode'}".replace(" ", "-")
        return csv_of(rows, newest_by=self.newest_by(request), name=name)  # type: ignore[return-value]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under its own name, with the way to its dates and the export of what is listed."""
        response: Any = super().changelist_view(request, extra_context)
        if listed := list_in(response):
            address = reverse(f"{self.admin_site.name}:{self._name}_export")
            response.context_data |= {
                "title": str(self.opts.verbose_name_plural).capitalize(),
                "export": address + listed.get_query_string(),
                "drill": self._drill(request, listed),
            }
        return response

    def _drill(self, request: HttpRequest, listed: Any) -> Any:
        if not self.date_hierarchy or not is_one_scope(request, self.model):
            return None
        rows = self.rows_at_first(request)
        return drill_of(listed, self.date_hierarchy, rows, holds_days=self.holds_days)

    @property
    def _name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"


def list_in(response: Any) -> ChangeList | None:
    """Return the list that a page shows; None where it leads elsewhere, as an address that cannot be asked for does."""
    return (getattr(response, "context_data", None) or {}).get("cl")


def _asked_by(part: Any) -> str:
    """Return the name under which a filter is asked for something."""
    if isinstance(part, tuple):
        return str(part[0])
    return str(getattr(part, "parameter_name", part))
