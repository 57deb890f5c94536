"""A list as CSV: every row that its filters leave, streamed in pieces that each begin where the last one ended."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import BinaryField, JSONField, Model, QuerySet
from django.http import StreamingHttpResponse

_PIECE = 2_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run instead of showing


def csv_of(rows: QuerySet[Any], *, newest_by: str, name: str) -> StreamingHttpResponse:
    """Return the rows, newest first by ``newest_by``: every plain column, instants in ISO form, amounts in full."""
    answer = StreamingHttpResponse(_lines(rows, newest_by), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def plain_columns(model: type[Model]) -> list[str]:
    """Return the columns that fit a table's cell; documents and bytes do not."""
    return [field.attname for field in model._meta.concrete_fields if not isinstance(field, JSONField | BinaryField)]


class _Echo:
    """A file for the CSV writer that hands back what is written."""

    def write(self, text: str) -> str:
        return text


def _lines(rows: QuerySet[Any], newest_by: str) -> Iterator[str]:
    columns = plain_columns(rows.model)
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for piece in _pieces(rows.values_list(newest_by, "pk", *columns), newest_by):
        yield "".join(writer.writerow([_cell(value) for value in row]) for _, _, *row in piece)


def _pieces(rows: QuerySet[Any], newest_by: str) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Hold no cursor and no transaction while a slow reader reads: each piece is asked for by itself."""
    ordered = rows.order_by(f"-{newest_by}", "-pk")
    piece = list(ordered[:_PIECE])
    while piece:
        yield piece
        at, key, *_ = piece[-1]
        later = ordered.filter(**{f"{newest_by}__lte": at}).exclude(**{newest_by: at, "pk__gte": key})
        piece = list(later[:_PIECE]) if len(piece) == _PIECE else []


def _cell(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return f"{value:f}" if hasattr(value, "as_tuple") else value
