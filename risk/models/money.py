"""How risk's rows hold money: exact columns that refuse NaN."""

from typing import Any

from django.db import models
from django.db.models import Q

COLUMN_LIMIT = 10**20  # a numeric(38, 18) column holds less than this; PostgreSQL sorts NaN above it


def money_field(**options: Any) -> "models.DecimalField[Any, Any]":
    """Return a column for an exact amount of money, a size or a measured number."""
    return models.DecimalField(max_digits=38, decimal_places=18, **options)


def is_a_number(*fields: str) -> Q:
    """Return the condition that no field is NaN, which PostgreSQL holds greater than every number."""
    condition = Q()
    for field in fields:
        condition &= Q(**{f"{field}__lt": COLUMN_LIMIT}) | Q(**{f"{field}__isnull": True})
    return condition
