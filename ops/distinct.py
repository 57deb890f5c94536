"""The distinct values of an indexed column, found by hopping from each to the next: the rows between are not read."""

from collections.abc import Mapping
from typing import Any

from django.db import connection, models

from ops.sql import rows_of

_HOPS = """
WITH RECURSIVE hop AS (
    (SELECT {column} AS value FROM {table} WHERE {known} ORDER BY {column} {order} LIMIT 1)
    UNION ALL
    SELECT (SELECT {column} FROM {table} WHERE {known} AND {column} {beyond} hop.value
            ORDER BY {column} {order} LIMIT 1)
    FROM hop WHERE hop.value IS NOT NULL
)
SELECT value FROM hop WHERE value IS NOT NULL {matches} LIMIT %s
"""


def distinct_values(
    model: type[models.Model],
    column: str,
    *,
    where: Mapping[str, Any],
    most: int,
    descending: bool = False,
    containing: tuple[str, ...] = (),
) -> list[Any]:
    """Return at most ``most`` values of ``column`` in order, those that hold every word of ``containing``.

    Quick where an index begins with the columns of ``where``, each of which has one value, and goes on with ``column``.
    """
    quote = connection.ops.quote_name
    sql = _HOPS.format(
        table=quote(model._meta.db_table),
        column=quote(column),
        known=" AND ".join(f"{quote(name)} = %s" for name in where) or "TRUE",
        order="DESC" if descending else "ASC",
        beyond="<" if descending else ">",
        matches="AND value ILIKE ALL(%s)" if containing else "",
    )
    patterns = [[f"%{_literal(word)}%" for word in containing]] if containing else []
    return [value for (value,) in rows_of(sql, [*where.values(), *where.values(), *patterns, most])]


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
