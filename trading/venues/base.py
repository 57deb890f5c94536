"""What we ask of any venue, and how one may fail: Refused, Unreachable or OutcomeUnknown, nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeAlias

from domain.costs import FeeSchedule
from domain.fills import Fill
from domain.market import Asset, Market, Pair, Side
from domain.terms import Lot

OnChange: TypeAlias = Callable[[Market], None]


@dataclass(frozen=True, slots=True)
class Order:
    """An immediate-or-cancel limit order: quantity in base, price in quote per base."""

    client_id: str
    pair: Pair
    side: Side
    quantity: Decimal
    limit_price: Decimal


@dataclass(frozen=True, slots=True)
class Ack:
    """The venue has taken the request; what became of it, only ``find`` tells."""

    venue_order_id: str


class OrderState(StrEnum):
    """Whether an order can still fill."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class GasPaid:
    """What a chain took for a transaction, in its native asset, whether or not anything was traded."""

    asset: Asset
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Found:
    """An order as the venue knows it; ``refused_reason`` is set where the venue turned it down.

    ``gas`` is set where the order went into a block: a swap that missed its limit has no fill and paid it all the same.
    """

    state: OrderState
    fills: tuple[Fill, ...] = ()
    refused_reason: str | None = None
    gas: GasPaid | None = None


@dataclass(frozen=True, slots=True)
class ProvenAbsent:
    """The venue never had the order, asked through every list it keeps."""


@dataclass(frozen=True, slots=True)
class NotYetKnown:
    """The order may still appear: ask again."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """What an account holds at one instant, by asset symbol; ``held`` is the part tied up in orders.

    ``fees`` is what the account itself says it pays, None where the venue does not tell.
    """

    balances: Mapping[str, Decimal]
    fees: FeeSchedule | None
    as_of_ns: int
    held: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """One pair as a venue trades it."""

    pair: Pair
    lot: Lot
    venue_symbol: str
    is_tradable: bool = True


class TradingVenue(Protocol):
    """Where orders go. Every method is synchronous and raises Refused, Unreachable or OutcomeUnknown alone."""

    @property
    def name(self) -> str:
        """Return the venue's name as routes and rows spell it."""

    def place(self, order: Order) -> Ack:
        """Send an order once; never retried here."""

    def find(self, client_id: str, since: datetime | None = None) -> Found | ProvenAbsent | NotYetKnown:
        """Return what became of the order that we sent under ``client_id``, not before ``since``."""

    def cancel(self, client_id: str) -> Ack:
        """Ask that the order fill no further; harmless if it is closed."""

    def account(self) -> AccountView:
        """Return balances and fees as the venue states them."""


class AccountSource(Protocol):
    """What a venue says about an account and its markets; raises as a TradingVenue does."""

    def account(self) -> AccountView:
        """Return balances and fees as the venue states them."""

    def listings(self) -> tuple[Listing, ...]:
        """Return every spot pair of the venue."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The book or pool that a paper order meets, as stored."""

    order: Order
    book: Market


@dataclass(frozen=True, slots=True)
class Pending:
    """The book's time has not come, or nobody has stored it yet."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Nobody saw the market in time: nothing fills."""


@dataclass(frozen=True, slots=True)
class NeverPlaced:
    """No order was ever sent under that client id."""


class ObservationSource(Protocol):
    """Where the paper venue learns what book an order meets: rows alone, so that queueing changes nothing."""

    def observed(self, client_id: str) -> Observed | Pending | Missed | NeverPlaced:
        """Return the stored observation for the order of that client id."""


class Mark(NamedTuple):
    """What a feed had counted at one instant, so that the latest minute can be told from all before it."""

    at_ns: int
    messages: int
    books: int
    reconnects: int
    refused: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """How a feed is doing; ``refused`` and ``trouble`` are counts by reason.

    ``confirmed`` counts quiet books that the living connection proved to be of now, ``lost_reason`` says why the last
    connection ended. The clock's offset is how far the venue's clock is ahead of ours; latencies are from the venue's
    instant to ours, corrected by it. All three are of the latest messages, None before the first.

    Units: instants in ns since the epoch (UTC), None where it has not happened.
    """

    venue: str
    origin: str
    messages: int
    books: int
    reconnects: int
    resyncs: int
    connected_at_ns: int | None
    heard_at_ns: int | None
    book_at_ns: int | None
    lag_ns: int | None
    venue_state: str
    refused: Mapping[str, int]
    trouble: Mapping[str, int]
    polled_every_ms: int | None = None  # None where the venue tells of every change
    confirmed: int = 0
    clock_offset_ms: float | None = None
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    max_age_ms: int | None = None  # an older book is stale
    lost_reason: str = ""
    marks: tuple[Mark, ...] = ()  # oldest first, of about the latest minute

    @property
    def integrity(self) -> float:
        """Return the share of books that were sound; 1 where none has come."""
        refused = sum(self.refused.values())
        return self.books / (self.books + refused) if self.books or refused else 1.0


class MarketSource(Protocol):
    """Where books and pools come from. Only sound ones are handed on; what is not is counted under its reason."""

    @property
    def venue(self) -> str:
        """Return the venue's name."""

    @property
    def status(self) -> FeedStatus:
        """Return how the feed is doing now."""

    async def stream(self, pairs: Sequence[Pair], on_change: OnChange) -> None:
        """Call ``on_change`` with every new sound state, reconnecting as needed, until cancelled.

        Raises: Refused if the venue will not serve us as configured.
        """

    async def snapshot(self, pairs: Sequence[Pair]) -> Sequence[Market]:
        """Return one sound state of each market of these pairs that has one. Raises: Refused, Unreachable."""
