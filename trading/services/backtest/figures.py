"""The figures of a report: what is saved, shown, compared and drawn; money exact, measures as floats."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from domain.money import ZERO
from trading.json_values import from_json, to_json


@dataclass(frozen=True, slots=True)
class PlaceFigures:
    """One asset at one venue, from the first instant to the last; ``lowest`` is the least it ever held."""

    venue: str
    asset: str
    start: Decimal
    end: Decimal
    lowest: Decimal
    start_price_usd: Decimal
    end_price_usd: Decimal
    start_usd: Decimal
    end_usd: Decimal


@dataclass(frozen=True, slots=True)
class Fall:
    """The deepest fall of a value below its highest before; no instants where it never fell."""

    usd: Decimal
    share: Decimal  # of the peak
    peak_at: datetime | None
    trough_at: datetime | None


@dataclass(frozen=True, slots=True)
class Falls:
    """How deep they fell: all, what was held at the start, its coins alone, the capital with the trades' results."""

    equity: Fall
    hold: Fall
    coins: Fall
    executed: Fall


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One UTC day: opportunities and executions by their decision, results by their settlement."""

    day: date
    opportunities: int
    executions: int
    executed_usd: Decimal
    hold_usd: Decimal
    inventory_usd: Decimal
    change_usd: Decimal
    end_usd: Decimal


@dataclass(frozen=True, slots=True)
class DecayFigures:
    """What was left of the net edges of a route some time after their decisions."""

    offset_ms: int
    looks: int
    unseen: int  # a book was missing or stale
    gone: int  # nothing paid any more
    median_bps: float | None


@dataclass(frozen=True, slots=True)
class EdgeFigures:
    """The edges of a route's opportunities when they opened, the highest net edge reached, how long they lived."""

    gross_median_bps: float
    gross_most_bps: float
    net_median_bps: float
    net_most_bps: float
    life_median_s: float | None


@dataclass(frozen=True, slots=True)
class FillFigures:
    """What became of a route's executions: each is whole (as planned), in part or missed."""

    executions: int = 0
    whole: int = 0
    in_part: int = 0
    missed: int = 0
    unwound: int = 0
    with_person: int = 0
    turnover_usd: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class CostFigures:
    """The waterfall of a route in US dollars, of executions that ended even."""

    gross_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    gas_usd: Decimal = ZERO
    slippage_usd: Decimal = ZERO
    unwind_usd: Decimal = ZERO
    net_usd: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class RouteFigures:
    """All about one route."""

    route: str
    opportunities: int
    edges: EdgeFigures
    decay: tuple[DecayFigures, ...]
    refused: dict[str, int]  # opportunities by reason
    short_looks: int  # looks that paid but lacked inventory
    fills: FillFigures
    costs: CostFigures


@dataclass(frozen=True, slots=True)
class InventoryLines:
    """What the inventory's part is made of."""

    moved_usd: Decimal  # assets that trades moved between venues, at the last price of the venue they are at now
    open_usd: Decimal  # cash that executions took or brought which did not end even
    dust_usd: Decimal  # what settlement reckoned against us: dust, and the money grid's rounding


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that opened."""

    at: datetime
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The curves at one instant, for drawing: changes since the start, and what each place is worth."""

    at_ns: int
    value_usd: float
    executed_usd: float
    hold_usd: float
    inventory_usd: float
    places_usd: tuple[float, ...]  # in the order of the report's drawn places


@dataclass(frozen=True, slots=True)
class Found:
    """One opportunity, for drawing."""

    at_ns: int
    net_bps: float
    executed: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What a backtest found: ``executed + hold + inventory == change``, and ``remainder`` is what they leave over."""

    run_id: str
    digest: str
    created_at: datetime
    first_at: datetime
    last_at: datetime
    capital_usd: Decimal
    is_limited: bool  # by what lies at each venue
    start_usd: Decimal
    end_usd: Decimal
    change_usd: Decimal
    executed_usd: Decimal
    hold_usd: Decimal
    inventory_usd: Decimal
    remainder_usd: Decimal
    inventory: InventoryLines
    falls: Falls
    days: tuple[DayFigures, ...]
    routes: tuple[RouteFigures, ...]
    places: tuple[PlaceFigures, ...]
    trips: dict[str, int]
    first_trips: tuple[Trip, ...]
    refused: dict[str, dict[str, int]]  # by stage and reason
    executions: dict[str, int]  # by final state
    assumptions: dict[str, Any]
    drawn: tuple[str, ...]  # the places whose worth the samples tell
    samples: tuple[Sample, ...]
    found: tuple[Found, ...]

    @property
    def fills_anything(self) -> bool:
        """Whether any trade was made at all."""
        return any(route.fills.turnover_usd for route in self.routes)

    def as_json(self) -> dict[str, Any]:
        """Return every figure ready for JSON, money as text."""
        told: dict[str, Any] = to_json(self)
        return told

    @classmethod
    def of_json(cls, figures: Mapping[str, Any]) -> "Report":
        """Return the report that was saved. Raises: BadInput for what is none."""
        return from_json(cls, figures)
