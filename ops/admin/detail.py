"""The base of every page that tells of one row: panels instead of a form."""

from typing import Any

from django.db.models import JSONField, Model
from django.http import HttpRequest, HttpResponse

from ops.admin import figures, panels
from ops.admin.base import MODE_COLOURS, ReadOnlyAdmin
from ops.admin.panels import Panel


class DetailAdmin(ReadOnlyAdmin):
    """History whose details are made of panels."""

    change_form_template = "ops/detail.html"
    fields: Any = ("mode",)  # the form shows nothing: the panels do

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
