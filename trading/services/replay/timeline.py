"""What a replay is fed: instants in order, each with its books; candles and recorded books come in by the same door.

The driver knows nothing of where they come from. A position is where an instant lies in its source: a timeline that is
asked for the instants after one first shows again, as past, what its reader must know to go on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from domain.detection import DetectConfig
from domain.features import Contexts
from domain.market import Market, MarketKey
from domain.timestamps import from_ns

Json = Any  # numbers, strings, lists and dictionaries of them


def nothing_met(market: MarketKey) -> Market | None:
    """Return None: the instant itself says nothing about what a due order meets."""
    return None


@dataclass(frozen=True, slots=True)
class Opening:
    """The terms of every instant from here to the next opening; what was seen before one is no market any more."""

    config: DetectConfig
    linger_ns: int
    delay_ms: int
    markets: Sequence[MarketKey]
    adapters: Mapping[str, str]  # by venue, whose protocol it speaks: two venues of one adapter show one market


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment of recorded time: which markets are decided, in order, and their books.

    Candles give every book there is; a market that ``books`` leaves out has none. Recordings give the one that came.
    ``fill_book`` returns what an order meets that fell due since the instant before, or None where nobody saw the
    market; it may be asked until the next instant is taken.
    """

    at_ns: int
    changed: Sequence[MarketKey]
    books: Mapping[MarketKey, Market]
    position: Json
    fill_book: Callable[[MarketKey], Market | None] = nothing_met
    opening: Opening | None = None  # with the first instant of all and of each recording
    context: Contexts | None = None  # what rows told of pairs from here on, where that has changed
    is_past: bool = False  # was lived through before the run was broken off: shown again, not decided again


class Timeline(Protocol):
    """Recorded time, from its first instant to its last."""

    @property
    def markets(self) -> Sequence[MarketKey]:
        """Return every market that was recorded, in the order it was given."""

    @property
    def days(self) -> Sequence[date]:
        """Return every UTC day that the recording touches."""

    @property
    def step_ns(self) -> int:
        """Return how long after the last instant the next one would have come; progress is told in such steps."""

    @property
    def first_ns(self) -> int:
        """Return when the first instant is."""

    @property
    def last_ns(self) -> int:
        """Return when the last instant is."""

    def instants(self, after: Json | None = None) -> Iterator[Instant]:
        """Yield every instant, earliest first, or those after a position; each call starts anew."""


def days_between(first_ns: int, last_ns: int) -> list[date]:
    """Return every UTC day from one instant to another."""
    first, last = from_ns(first_ns).date(), from_ns(last_ns).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
