"""What the console shows at one instant: plain values, gathered elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from arbsite.supervisor import ChildState
from domain.scope import Scope
from trading.selectors.results import NO_SWAPS, Edge, Funnel, LastTrade, Refusals, Results, Swaps

TO_COME = "to come"


class Health(StrEnum):
    """How a server is, in one word."""

    UP = "up"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class VenueView:
    """One venue as the stream last reported it; ages are None where no book has come."""

    name: str
    markets: int
    freshest_ms: int | None
    oldest_ms: int | None
    messages: int
    reconnects: int
    refused: int


@dataclass(frozen=True, slots=True)
class ProcessView:
    """One process of the system."""

    name: str
    state: str  # as the supervisor says, or TO_COME
    restarts: int
    pid: int | None

    @property
    def is_down(self) -> bool:
        """Whether it was there and is not now."""
        return self.state not in (ChildState.RUNNING, TO_COME)


@dataclass(frozen=True, slots=True)
class ServerView:
    """PostgreSQL or Redis, as the demo reaches it."""

    name: str
    health: Health
    away_s: float = 0.0


@dataclass(frozen=True, slots=True)
class BreakerView:
    """One breaker light."""

    kind: str
    state: str
    trips: int
    reason: str
    cools_in_s: float | None


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One line of the feed: an alert, or something the demo saw."""

    at: datetime
    level: str  # info, warning, error
    text: str


@dataclass(frozen=True, slots=True)
class Links:
    """Where to look closer, and as whom."""

    admin: str
    admin_user: str
    admin_password: str = field(repr=False)
    flower: str
    flower_user: str
    flower_password: str = field(repr=False)

    @property
    def public(self) -> Mapping[str, str]:
        """Return the addresses without the passwords."""
        return {"admin": self.admin, "flower": self.flower}


@dataclass(frozen=True, slots=True)
class Slippage:
    """What the last trade was expected to lose to moving prices, and what it lost."""

    predicted_bps: Decimal | None
    realised_bps: Decimal | None


@dataclass(frozen=True, slots=True)
class Trading:
    """What the database knows of this run."""

    funnel: Funnel
    edge: Edge
    results: Results
    last: LastTrade | None
    slippage: Slippage | None
    refusals: Refusals
    breakers: tuple[BreakerView, ...]
    gate: str
    swaps: Swaps = NO_SWAPS


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything on the screen at one instant."""

    scope: Scope
    at: datetime
    elapsed_s: float
    length_s: float | None  # None: until interrupted
    phase: str
    servers: tuple[ServerView, ...]
    processes: tuple[ProcessView, ...]
    venues: tuple[VenueView, ...]
    trading: Trading
    feed: tuple[FeedLine, ...]
    links: Links
    first_execution_s: float | None
    has_chain: bool = False
    why_no_chain: str = ""

    @property
    def restarts(self) -> int:
        """Return how often processes had to be started again."""
        return sum(process.restarts for process in self.processes)
