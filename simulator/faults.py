"""Fault scripts: which venue misbehaves how, from when to when, and how often it was felt."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.errors import BadInput
from simulator.instruments import VENUES

EVERY_VENUE = "*"


class FaultKind(StrEnum):
    """What goes wrong; ``value`` of the fault is in the unit named here."""

    LATENCY = "latency"  # every answer and frame comes `value` ms late
    STALL = "stall"  # connections stay open and say nothing
    DISCONNECT = "disconnect"  # connections are cut, new ones too
    RATE_LIMIT = "rate_limit"  # 429
    SERVER_ERROR = "server_error"  # HTTP status `value`
    HTML = "html"  # an HTML page with status 200 where JSON belongs
    TRUNCATED = "truncated"  # JSON or msgpack cut in half
    STALE = "stale"  # books stop moving, heartbeats go on
    CROSSED = "crossed"  # the best bid stands above the best ask
    NAN_PRICE = "nan_price"
    NEGATIVE_PRICE = "negative_price"
    WRONG_CHECKSUM = "wrong_checksum"  # Kraken's stream only
    CLOCK_SKEW = "clock_skew"  # every time stamp is `value` s off


BOOK_KINDS = frozenset({FaultKind.STALE, FaultKind.CROSSED, FaultKind.CLOCK_SKEW})  # one book serves both channels
DEFAULT_VALUES = {FaultKind.LATENCY: 500.0, FaultKind.SERVER_ERROR: 503.0, FaultKind.CLOCK_SKEW: 3600.0}


class Channel(StrEnum):
    """Where a fault is felt."""

    BOTH = "both"
    REST = "rest"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a fault script: ``from_s`` and ``to_s`` count from the opening of the market."""

    kind: FaultKind
    venue: str
    from_s: float
    to_s: float
    value: float = 0.0
    channel: Channel = Channel.BOTH

    def __post_init__(self) -> None:
        if self.venue not in (*VENUES, EVERY_VENUE):
            raise BadInput(f"fault venue {self.venue!r} is unknown: choose from {', '.join(VENUES)} or {EVERY_VENUE}")
        if not self.from_s < self.to_s:
            raise BadInput(f"fault {self.kind} lasts from {self.from_s} to {self.to_s} s: the end must come later")
        if self.kind in BOOK_KINDS and self.channel is not Channel.BOTH:
            raise BadInput(f"fault {self.kind} changes the books themselves: its channel can only be both")
        if not self.value and self.kind in DEFAULT_VALUES:
            object.__setattr__(self, "value", DEFAULT_VALUES[self.kind])

    def is_felt(self, *, venue: str, channel: Channel, at_s: float) -> bool:
        """Return whether the fault is on for ``venue`` on ``channel`` at ``at_s``."""
        if self.venue not in (venue, EVERY_VENUE) or self.channel not in (channel, Channel.BOTH):
            return False
        return self.from_s <= at_s < self.to_s


def parse_fault(fields: Mapping[str, object]) -> Fault:
    """Return the fault that a JSON object names. Raises: BadInput."""
    unknown = set(fields) - {"kind", "venue", "from_s", "to_s", "value", "channel"}
    if unknown:
        raise BadInput(f"fault has an unknown field {min(unknown)!r}")
    try:
        return Fault(
            kind=FaultKind(str(fields["kind"])),
            venue=str(fields.get("venue", EVERY_VENUE)),
            from_s=_number(fields.get("from_s", 0)),
            to_s=_number(fields["to_s"]),
            value=_number(fields.get("value", 0)),
            channel=Channel(str(fields.get("channel", Channel.BOTH))),
        )
    except KeyError as missing:
        raise BadInput(f"fault lacks the field {missing}") from None
    except ValueError as wrong:
        raise BadInput(f"fault cannot be read: {wrong}") from None


class FaultBoard:
    """The faults of one run and how often each was felt."""

    def __init__(self, script: Iterable[Fault], *, elapsed_s: Callable[[], float]) -> None:
        self._faults = list(script)
        self._elapsed_s = elapsed_s
        self._felt: Counter[str] = Counter()
        self._cleared = asyncio.Event()

    def strike(self, kind: FaultKind, *, venue: str, channel: Channel) -> Fault | None:
        """Return the fault of ``kind`` that is on now, counted as felt once more, or None."""
        fault = self.on(kind, venue=venue, channel=channel)
        if fault is not None:
            self._felt[f"{venue}:{kind}"] += 1
        return fault

    def on(self, kind: FaultKind, *, venue: str, channel: Channel) -> Fault | None:
        """Return the fault of ``kind`` that is on now, or None."""
        at_s = self._elapsed_s()
        for fault in self._faults:
            if fault.kind is kind and fault.is_felt(venue=venue, channel=channel, at_s=at_s):
                return fault
        return None

    async def is_over(self, fault: Fault) -> None:
        """Wait until ``fault`` has ended or was cleared."""
        while fault in self._faults:
            left_s = fault.to_s - self._elapsed_s()
            if left_s <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._cleared.wait()

    def add(self, fault: Fault) -> Fault:
        """Add a fault whose times count from now, and return it on the market's own clock."""
        now_s = self._elapsed_s()
        shifted = replace(fault, from_s=fault.from_s + now_s, to_s=fault.to_s + now_s)
        self._faults.append(shifted)
        return shifted

    def clear(self) -> None:
        """Forget every fault; the counts stay."""
        self._faults.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def felt(self) -> dict[str, int]:
        """Return how often each fault was felt, keyed ``venue:kind``."""
        return dict(self._felt)

    def script(self) -> tuple[Fault, ...]:
        """Return every fault known, past ones included."""
        return tuple(self._faults)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not a number")
    return float(value)
