"""Reads that are said in SQL, where the ORM would say them worse."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection


def rows_of(query: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Return every row of a bounded query."""
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return list(cursor.fetchall())
