"""Payloads spoilt by chance: bytes, numbers, names and structure; the same generator gives the same ones."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import msgpack

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
ODD_TOKENS = (
    "NaN", "-NaN", "Infinity", "-Infinity", "1e400", "-1", "0", "-0", "0.0", "1e-400", "null", "true", '""', '"NaN"',
    '"1.5"', '"-3"', "[]", "{}", "[[]]", "9" * 40, "0." + "1" * 40, '"0x"', '"0x' + "f" * 64 + '"', '"\\u0000"', '"x"',
    "1" + "0" * 400, "[" * 200 + "]" * 200, "[" * 5000 + "]" * 5000, "1e999999", "1e-999999", '"\\ud800"', '"1_000"',
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**63, -(2**63), 1e400, -1e400, float("nan"), 1e-320, -0.0, 1.5, 10**17, "", "NaN", "x", b"",
    b"\xff", [], {}, [[]], {"p": 1}, msgpack.Timestamp(0, 0), msgpack.Timestamp(2**33, 999_999_999),
)  # fmt: skip
NUMBER_STARTS = b"0123456789-"
ENDS_OF_NUMBER = b",]} \n"


def spoil_bytes(payload: bytes, rng: Random) -> bytes:
    """Return the payload with bytes changed, cut out, doubled, or replaced by a web page."""
    if not payload or rng.random() < 0.02:
        return rng.choice((b"", HTML, rng.randbytes(rng.randrange(1, 60))))
    at = rng.randrange(len(payload))
    span = rng.randrange(1, 1 + min(40, len(payload)))
    return rng.choice(_BYTES)(payload, at, span, rng)


_BYTES: tuple[Callable[[bytes, int, int, Random], bytes], ...] = (
    lambda given, at, span, rng: given[:at],
    lambda given, at, span, rng: given[:at] + bytes([rng.randrange(256)]) + given[at + 1 :],
    lambda given, at, span, rng: given[:at] + rng.choice(b'0123456789{}[],:"-+.eE \\').to_bytes() + given[at + 1 :],
    lambda given, at, span, rng: given[:at] + given[at + span :],
    lambda given, at, span, rng: given[:at] + given[at : at + span] + given[at:],
    lambda given, at, span, rng: given[at:] + given[:at],
)


def spoil_json(payload: bytes, rng: Random) -> bytes:
    """Return the payload with a number or name replaced, or a member doubled, dropped or misplaced."""
    kind = rng.randrange(3)
    if kind == 0:
        return spoil_bytes(payload, rng)
    if kind == 1:
        return _token_replaced(payload, rng)
    try:
        told = json.loads(payload, parse_float=_Digits, parse_int=_Digits)
        return _written(_restructured(told, rng)).encode()
    except (ValueError, RecursionError):  # spoilt before
        return spoil_bytes(payload, rng)


def spoil_msgpack(payload: bytes, rng: Random) -> bytes:
    """Return the payload with bytes or values changed."""
    if rng.random() < 0.4:
        return spoil_bytes(payload, rng)
    try:
        told = msgpack.unpackb(payload, timestamp=0)
        return bytes(msgpack.packb(_restructured(told, rng, odd=ODD_VALUES)))
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException):  # spoilt before
        return spoil_bytes(payload, rng)


class _Digits(str):
    """A number as written."""

    __slots__ = ()


def _written(value: Any) -> str:
    if isinstance(value, _Digits):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(name))}:{_written(one)}" for name, one in value.items()) + "}"
    return "[" + ",".join(map(_written, value)) + "]" if isinstance(value, list) else json.dumps(value)


def _token_replaced(payload: bytes, rng: Random) -> bytes:
    starts = [at for at in range(1, len(payload)) if payload[at] in NUMBER_STARTS and payload[at - 1] in b':,[ "']
    if not starts:
        return spoil_bytes(payload, rng)
    start = rng.choice(starts)
    end = next((at for at in range(start, len(payload)) if payload[at] in b',]}"'), len(payload))
    return payload[:start] + rng.choice(ODD_TOKENS).encode() + payload[end:]


def _restructured(value: Any, rng: Random, *, odd: tuple[Any, ...] = ()) -> Any:
    """Return the value with one place in it changed."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.1:
        return rng.choice(odd) if odd else _Digits(rng.choice(ODD_TOKENS))
    places = list(value) if isinstance(value, dict) else list(range(len(value)))
    place, kind = rng.choice(places), rng.randrange(6)
    if kind == 0:
        return _without(value, place)
    if kind == 1 and isinstance(value, dict):
        return {(f"{name}x" if name == place else name): one for name, one in value.items()}
    if kind == 2 and isinstance(value, list):
        return [*value, value[place]]
    changed = value.copy()
    changed[place] = _restructured(value[place], rng, odd=odd)
    return changed


def _without(value: Any, place: Any) -> Any:
    if isinstance(value, dict):
        return {name: one for name, one in value.items() if name != place}
    return value[:place] + value[place + 1 :]
