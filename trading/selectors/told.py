"""Plain values as JSON: money as exact strings, basis points and shares as numbers, instants in ISO form."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from domain.money import plain

Json = Any
_RATIOS = ("bps", "share")


def as_json(value: object, *, name: str = "") -> Json:
    """Return a value made of dataclasses, mappings and sequences, ready for ``json``; ``name`` tells its unit."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return float(value) if name.endswith(_RATIOS) else plain(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name), name=field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): as_json(one, name=str(key)) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(one, name=name) for one in value]
    return value


def _key(key: object) -> str:
    return key.isoformat() if isinstance(key, date) else str(key)
