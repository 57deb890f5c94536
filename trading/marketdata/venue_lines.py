"""What is told of each venue's feed: a line of figures; of one that several streams follow, all of theirs as one."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from domain.errors import Unreachable


@dataclass(frozen=True, slots=True)
class VenueLine:
    """One venue's feed in numbers; counts are since the stream process started.

    ``reasons`` says why books were refused and connections lost, and how often; ``polled_every_ms`` is the pace of a
    venue that is asked instead of listened to. ``integrity`` is the share of books that were sound, ``clock_offset_ms``
    how far the venue's clock is ahead of ours, ``health`` a score of 100 with what speaks against it, worst first.
    """

    venue: str
    is_connected: bool
    messages: int
    books: int
    reconnects: int
    restarts: int
    refused: int
    last_error: str
    reasons: dict[str, int] = field(default_factory=dict)
    polled_every_ms: int | None = None
    origin: str = ""  # whose books these are: venues of one origin are not independent
    venue_state: str = ""
    age_ms: int | None = None
    confirmed: int = 0
    resyncs: int = 0
    integrity: float = 1.0
    clock_offset_ms: float | None = None
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    rate_per_s: float = 0.0
    health: int = 100
    health_reasons: list[str] = field(default_factory=list)


_FIELDS = frozenset(one.name for one in fields(VenueLine))


def lines_from(raw: str | bytes) -> list[VenueLine]:
    """Return the lines as told by whatever version of the stream process. Raises: Unreachable if they are none."""
    try:
        rows = json.loads(raw)
        return [VenueLine(**{name: value for name, value in row.items() if name in _FIELDS}) for row in rows]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Unreachable(f"the venue board cannot be read: {type(error).__name__}") from None


def together(lines: Iterable[VenueLine]) -> list[VenueLine]:
    """Return one line for each venue: what streams counted added up, and of all else the worst that one says."""
    found: dict[str, list[VenueLine]] = {}
    for line in lines:
        found.setdefault(line.venue, []).append(line)
    return [told[0] if len(told) == 1 else _as_one(told) for told in found.values()]


def _as_one(told: Sequence[VenueLine]) -> VenueLine:
    worst = min(told, key=lambda line: (line.health, line.is_connected))
    offsets = [line.clock_offset_ms for line in told if line.clock_offset_ms is not None]
    figures: dict[str, Any] = {name: sum(getattr(line, name) for line in told) for name in _COUNTED}
    figures |= {name: _most(getattr(line, name) for line in told) for name in _GREATEST}
    return replace(
        worst,
        **figures,
        is_connected=all(line.is_connected for line in told),
        reasons=dict(sum((Counter(line.reasons) for line in told), Counter[str]()).most_common()),
        integrity=min(line.integrity for line in told),
        last_error=next((line.last_error for line in told if line.last_error), ""),
        clock_offset_ms=max(offsets, key=abs, default=None),
    )


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


_COUNTED = ("messages", "books", "reconnects", "restarts", "refused", "confirmed", "resyncs", "rate_per_s")
_GREATEST = ("age_ms", "polled_every_ms", "latency_p50_ms", "latency_p99_ms")
