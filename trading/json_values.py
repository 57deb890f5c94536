"""Frozen values to JSON and back by their annotations: decimals as exact text, instants in ISO 8601."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from domain.errors import BadInput
from domain.money import plain

Value = TypeVar("Value")


def to_json(value: Any, *, floats: tuple[str, ...] = (), name: str = "") -> Any:
    """Return a value of dataclasses, decimals, instants, tuples and mappings ready for JSON.

    A decimal whose name ends in one of ``floats`` becomes a number, for reading alone: every other keeps its digits.
    """
    match value:
        case Enum():
            return value.value
        case Decimal():
            return float(value) if name.endswith(floats) else plain(value)
        case date():  # instants too
            return value.isoformat()
        case tuple() | list():
            return [to_json(one, floats=floats, name=name) for one in value]
        case Mapping():
            return {str(key): to_json(one, floats=floats, name=str(key)) for key, one in value.items()}
    if is_dataclass(value):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: to_json(one, floats=floats, name=name) for name, one in named.items()}
    return value


def from_json(kind: type[Value], data: Any) -> Value:
    """Return the value that ``to_json`` was given. Raises: BadInput where ``data`` is not one of this kind."""
    try:
        value: Value = _read(kind, data)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadInput(f"this is not a {kind.__name__}: {error!r}") from error
    return value


def _read(kind: Any, data: Any) -> Any:
    if isinstance(kind, UnionType):
        return None if data is None else _read(next(one for one in get_args(kind) if one is not NoneType), data)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{field.name: _read(hints[field.name], data[field.name]) for field in fields(kind)})
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], one) for one in data)
    if get_origin(kind) is dict:
        return {key: _read(get_args(kind)[1], one) for key, one in data.items()}
    return _scalar(kind, data)


def _scalar(kind: Any, data: Any) -> Any:
    if kind in (date, datetime):
        return kind.fromisoformat(data)
    if kind in (Decimal, float) or (isinstance(kind, type) and issubclass(kind, Enum)):
        return kind(data)
    return data
