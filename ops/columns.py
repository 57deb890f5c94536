"""Column kinds and constraint pieces that the tables of every app share."""

from enum import StrEnum
from typing import Any

from django.db import models
from django.db.models import Q

COLUMN_LIMIT = 10**20  # a numeric(38, 18) column holds less than this, and PostgreSQL sorts NaN above it


class MoneyField(models.DecimalField):
    """An exact amount, price or ratio: numeric(38, 18)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 38)
        kwargs.setdefault("decimal_places", 18)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DecimalField", args, kwargs  # to a migration it is a plain decimal column


def is_number(*names: str) -> Q:
    """Return the condition that no column is NaN, which PostgreSQL sorts above every number; NULL passes."""
    condition = Q()
    for name in names:
        condition &= Q(**{f"{name}__lt": COLUMN_LIMIT})
    return condition


def is_positive(name: str) -> Q:
    """Return the condition that the column is a number above zero."""
    return Q(**{f"{name}__gt": 0}) & is_number(name)


def choices_of(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Return an enum's values with their words."""
    return [(member.value, member.value.replace("_", " ")) for member in enum]
