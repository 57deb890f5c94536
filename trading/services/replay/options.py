"""What a replay assumes: the figures that candles do not hold, each checked and each told with the result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from domain.costs import ENTRY_TIER, FeeSchedule, schedule_of
from domain.errors import BadInput
from domain.market import MarketKey, Pair
from domain.scope import Mode
from trading.json_values import from_json, to_json

DEPTH_USD = Decimal(50_000)
LATENCY_MS = 250
SPREAD_BPS = Decimal(2)
EVERY_RECORDING: Literal["all"] = "all"

_MOST_SPREAD_BPS = Decimal(1_000)
_MOST_LATENCY_MS = 3_600_000
_MOST_DEPTH_USD = Decimal(10) ** 12
_MOST_SPEED = Decimal(10) ** 9


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What the caller chose; ``markets`` names the files' markets in order where their names do not.

    What is None is as recorded, or as configured where nothing was recorded of it. ``first`` is within the span,
    ``last`` is behind it. Raises: BadInput.
    """

    markets: tuple[MarketKey, ...] = ()
    fees: Mapping[str, FeeSchedule] = field(default_factory=dict)  # by venue, instead of the dated table
    spread_bps: Decimal = SPREAD_BPS
    depth_usd: Decimal = DEPTH_USD
    latency_ms: int | None = None
    min_net_bps: Decimal | None = None
    seed: int = 0
    recording: int | Literal["all"] | None = None
    recorded_in: Mode = Mode.DRY_RUN
    first: datetime | None = None
    last: datetime | None = None
    speed: Decimal | None = None  # recorded seconds a second; as fast as possible

    def __post_init__(self) -> None:
        self._check_assumptions()
        self._check_span()
        if abs(self.seed) >= 2**63:
            raise BadInput(f"seed {self.seed} does not fit 64 bits")
        if self.speed is not None and not (self.speed.is_finite() and 0 < self.speed <= _MOST_SPEED):
            raise BadInput(f"a speed of {self.speed} is not above 0 and at most {_MOST_SPEED:f}: 1 is real time")

    @property
    def delay_ms(self) -> int:
        """Return the latency where nothing was recorded of it."""
        return LATENCY_MS if self.latency_ms is None else self.latency_ms

    @property
    def span_text(self) -> str:
        """Return the span that was asked for in words; empty where it is everything."""
        told = (f"from {_told(self.first)}" if self.first else "", f"before {_told(self.last)}" if self.last else "")
        return " ".join(part for part in told if part)

    def fees_of(self, venues: set[str]) -> dict[str, FeeSchedule]:
        """Return what each venue charges: as stated, else the dated entry tier.

        Raises: BadInput for a venue that neither knows, and for stated fees of a venue that no file is of.
        """
        self.check_fees(venues)
        return {venue: self.fees.get(venue) or _of_the_table(venue) for venue in sorted(venues)}

    def check_fees(self, venues: set[str]) -> None:
        """Raise BadInput for stated fees of a venue that is not among these."""
        idle = sorted(set(self.fees) - venues)
        if idle:
            raise BadInput(f"--fees names {idle[0]!r}, but what is replayed is of {', '.join(sorted(venues))}")

    def to_json(self) -> dict[str, Any]:
        """Return the options ready for JSON, as ``options_from_json`` reads them."""
        return {
            "markets": [[market.venue, market.pair.symbol] for market in self.markets],
            "fees": to_json(self.fees),
            "spread_bps": str(self.spread_bps),
            "depth_usd": str(self.depth_usd),
            "latency_ms": self.latency_ms,
            "min_net_bps": None if self.min_net_bps is None else str(self.min_net_bps),
            "seed": self.seed,
            "recording": self.recording,
            "recorded_in": self.recorded_in.value,
            "first": None if self.first is None else self.first.isoformat(),
            "last": None if self.last is None else self.last.isoformat(),
            "speed": None if self.speed is None else str(self.speed),
        }

    def _check_assumptions(self) -> None:
        if not (self.spread_bps.is_finite() and 0 <= self.spread_bps <= _MOST_SPREAD_BPS):
            raise BadInput(f"a spread of {self.spread_bps} bps is not between 0 and {_MOST_SPREAD_BPS}")
        if not (self.depth_usd.is_finite() and 0 < self.depth_usd <= _MOST_DEPTH_USD):
            raise BadInput(f"a depth of {self.depth_usd} USD is not a positive amount of at most {_MOST_DEPTH_USD:f}")
        if self.latency_ms is not None and not 0 <= self.latency_ms <= _MOST_LATENCY_MS:
            raise BadInput(f"a latency of {self.latency_ms} ms is not between 0 and {_MOST_LATENCY_MS}")
        if self.min_net_bps is not None and not (self.min_net_bps.is_finite() and abs(self.min_net_bps) < 10_000):
            raise BadInput(f"a threshold of {self.min_net_bps} bps is not between -10000 and 10000")

    def _check_span(self) -> None:
        if self.first and self.last and self.first >= self.last:
            raise BadInput(f"the span is empty: it is from {_told(self.first)} and before {_told(self.last)}")


def options_from_json(data: Mapping[str, Any]) -> ReplayOptions:
    """Return the options that ``ReplayOptions.to_json`` wrote."""
    return ReplayOptions(
        markets=tuple(MarketKey(venue, Pair.parse(symbol)) for venue, symbol in data["markets"]),
        fees={venue: from_json(FeeSchedule, told) for venue, told in data["fees"].items()},
        spread_bps=Decimal(data["spread_bps"]),
        depth_usd=Decimal(data["depth_usd"]),
        latency_ms=data["latency_ms"],
        min_net_bps=_decimal(data["min_net_bps"]),
        seed=data["seed"],
        recording=data["recording"],
        recorded_in=Mode(data["recorded_in"]),
        first=_instant(data["first"]),
        last=_instant(data["last"]),
        speed=_decimal(data["speed"]),
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _told(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}".removesuffix(":00") + " UTC"


def _of_the_table(venue: str) -> FeeSchedule:
    if venue not in ENTRY_TIER:
        raise BadInput(f"no fees are known for venue {venue!r}: say --fees {venue}=maker_bps/taker_bps")
    return schedule_of(ENTRY_TIER, venue)
