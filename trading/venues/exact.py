"""Numbers and instants as venues write them, taken exactly or refused by name."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Never

from domain.errors import BadMarketData
from domain.timestamps import NS_PER_S, to_ns

PLAIN = re.compile(r"\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_EXPONENT = re.compile(r"\d{1,18}(?:\.\d{1,18})?[eE][+-]?\d{1,2}", re.ASCII)
_NEGATIVE = re.compile(r"-\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_LARGEST = Decimal(10**18)
_USUAL_LEAST, _USUAL_MOST = 0.01, 1e16  # 17 digits in between end before the 18th decimal, written without exponent
_FINEST_EXPONENT = -18


def plain_digits(text: object) -> str:
    """Return ``text`` if it writes a number of at most 18 whole and 18 decimal digits, exponents written out.

    Raises: BadMarketData not_finite, negative, out_of_range or not_a_number.
    """
    if isinstance(text, str) and PLAIN.fullmatch(text):
        return text
    if isinstance(text, str) and _EXPONENT.fullmatch(text):
        return _written_out(text)
    raise _number_fault(text)


def _written_out(text: str) -> str:
    written = format(Decimal(text), "f")
    if not PLAIN.fullmatch(written):
        raise BadMarketData("out_of_range", text)
    return written


def _number_fault(text: object) -> BadMarketData:
    shown = repr(text)[:40]
    if not isinstance(text, str):
        return BadMarketData("not_a_number", shown)
    if _NOT_FINITE.fullmatch(text):
        return BadMarketData("not_finite", shown)
    if _NEGATIVE.fullmatch(text):
        return BadMarketData("negative", shown)
    return BadMarketData("out_of_range" if re.fullmatch(r"[0-9.eE+-]+", text) else "not_a_number", shown)


def signed(value: object) -> Decimal:
    """Return an amount that may be negative: an overdrawn balance is a fact, not bad data. Raises: BadMarketData."""
    digits = str(value)
    if digits.startswith("-"):
        return Decimal(plain_digits(digits[1:])).copy_negate()
    return Decimal(plain_digits(digits))


def exact_float(value: object) -> Decimal:
    """Return the shortest decimal that reads back as ``value``, for venues whose wire carries binary floats.

    Raises: BadMarketData not_finite, negative, out_of_range or not_a_number.
    """
    if type(value) is float and _USUAL_LEAST <= value < _USUAL_MOST:
        return Decimal(repr(value))
    if type(value) is not float and type(value) is not int:
        raise BadMarketData("not_a_number", repr(value)[:40])
    number = Decimal(repr(value))
    if not number.is_finite():
        raise BadMarketData("not_finite", repr(value))
    if number.is_signed() and number:
        raise BadMarketData("negative", repr(value))
    exponent = number.as_tuple().exponent
    if number >= _LARGEST or (isinstance(exponent, int) and exponent < _FINEST_EXPONENT):
        raise BadMarketData("out_of_range", repr(value)[:40])
    return number


def instant_ns(text: object) -> int:
    """Return ns since the epoch of an RFC 3339 instant in UTC. Raises: BadMarketData bad_instant."""
    found = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise BadMarketData("bad_instant", repr(text)[:40])
    return _second_ns(found[1]) + int((found[2] or "0").ljust(9, "0"))


@lru_cache(maxsize=64)
def _second_ns(text: str) -> int:
    try:
        at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise BadMarketData("bad_instant", text) from None
    return to_ns(at) // NS_PER_S * NS_PER_S


def decode_json(raw: str | bytes) -> Any:
    """Return the value that ``raw`` writes, every number as its exact digits.

    Raises: BadMarketData not_json, not_finite or duplicate_key.
    """
    try:
        return _DECODER.decode(raw if isinstance(raw, str) else raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadMarketData("not_json", str(error)[:80]) from None


def member(row: Any, name: str) -> Any:
    """Return what ``row`` holds under ``name``. Raises: BadMarketData malformed."""
    try:
        return row[name]
    except (TypeError, KeyError):
        raise BadMarketData("malformed", f"{name} is missing") from None


def _refuse_constant(name: str) -> Never:
    raise BadMarketData("not_finite", name)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadMarketData("duplicate_key", ", ".join(sorted({key for key, _ in pairs}))[:80])
    return members


_DECODER = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates
)
