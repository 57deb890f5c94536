"""What a detail page is made of: facts, tables and reports, written for people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from django.db.models import Field, JSONField, Model
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html

from ops.admin import figures


class Panel(Protocol):
    """One part of a page, as its template shows it."""

    @property
    def template(self) -> str:
        """Return the template that shows it as ``panel``."""

    @property
    def is_wide(self) -> bool:
        """Return whether it takes the whole width."""

    @property
    def rows_beside(self) -> int:
        """Return how many panels stand one under the other beside it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what stands behind them."""

    title: str
    pairs: Sequence[tuple[str, str]]
    template: ClassVar[str] = "ops/panels/facts.html"
    is_wide: ClassVar[bool] = True
    rows_beside: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers; ``note`` says what the rows cannot, ``nothing`` why there are none."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    nothing: str = "None."
    is_wide: bool = True
    rows_beside: int = 1  # how many panels stand one under the other beside it
    template: ClassVar[str] = "ops/panels/table.html"


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page of HTML with a style of its own, shown inside this one; its scripts do not run."""

    title: str
    html: str
    template: ClassVar[str] = "ops/panels/page.html"
    is_wide: ClassVar[bool] = True
    rows_beside: ClassVar[int] = 1


def label(text: str, colour: str = "") -> str:
    """Return a word on a coloured ground."""
    return render_to_string("unfold/helpers/label.html", {"text": figures.words(text), "type": colour})


def link(row: Model | None, text: str = "") -> str:
    """Return the way to the page of another row."""
    if row is None:
        return figures.NOTHING
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a class="text-link" href="{}">{}</a>', address, text or str(row))


def facts_of(row: Model, title: str, *, without: Iterable[str] = ()) -> Facts:
    """Return every plain column of a row by its name."""
    left_out = {"id", "mode", "run_id", *without}
    fields = [field for field in row._meta.concrete_fields if field.name not in left_out]
    return Facts(title, [(_name(field), _value(row, field)) for field in fields if not isinstance(field, JSONField)])


def from_json(title: str, value: Any) -> list[Panel]:
    """Return stored JSON as it is best read: plain values as facts, and a table for each mapping inside."""
    if not value:
        return []
    if not isinstance(value, Mapping):
        return [_table(title, {"": value})]
    nested = {name: inner for name, inner in sorted(value.items()) if inner and isinstance(inner, Mapping | list)}
    plain = [(figures.words(name), text_of(name, inner)) for name, inner in value.items() if name not in nested]
    own: list[Panel] = [Facts(title, sorted(plain))] if plain else []
    return own + [_table(f"{title}: {figures.words(name)}", inner) for name, inner in nested.items()]


def text_of(name: str, value: Any) -> str:
    """Return a value out of stored JSON."""
    if isinstance(value, Mapping | list):
        return ", ".join(_listed(value)) or figures.NOTHING
    return figures.shown(name, value)


def _table(title: str, stored: Mapping[str, Any] | list[Any]) -> Table:
    rows = dict(sorted(stored.items())) if isinstance(stored, Mapping) else dict(enumerate(stored, start=1))
    if all(isinstance(row, Mapping) for row in rows.values()):
        names = sorted({name for row in rows.values() for name in row})
        if not all(name in row for row in rows.values() for name in names):  # they have no columns in common
            return _triples(title, rows)
        cells = [(str(key), *(text_of(name, row.get(name)) for name in names)) for key, row in rows.items()]
        return Table(title, ("", *(figures.words(name) for name in names)), cells)
    lines = [(figures.words(str(key)), text_of(str(key), value)) for key, value in rows.items()]
    return Table(title, ("Name", "Value"), lines, is_wide=False)


def _name(field: Field) -> str:
    return figures.words(field.name)


def _triples(title: str, rows: Mapping[Any, Mapping[str, Any]]) -> Table:
    lines = [
        (figures.words(str(key)), figures.words(name), text_of(name, value))
        for key, row in rows.items()
        for name, value in row.items()
    ]
    return Table(title, ("", "Name", "Value"), lines, is_wide=False)


def _value(row: Model, field: Field) -> str:
    value = getattr(row, field.name)
    return link(value) if isinstance(value, Model) else figures.shown(field.name, value)


def _listed(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{name}: {inner}" for name, inner in value.items()]
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
