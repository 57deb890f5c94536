"""What a replay assumes: the figures that candles do not hold, each checked and each told with the result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from domain.costs import ENTRY_TIER, FeeSchedule, schedule_of
from domain.errors import BadInput
from domain.market import MarketKey

DEPTH_USD = Decimal(50_000)
LATENCY_MS = 250
SPREAD_BPS = Decimal(2)

_MOST_SPREAD_BPS = Decimal(1_000)
_MOST_LATENCY_MS = 3_600_000
_MOST_DEPTH_USD = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What the caller chose; ``markets`` names the files' markets in order where their names do not.

    Raises: BadInput.
    """

    markets: tuple[MarketKey, ...] = ()
    fees: Mapping[str, FeeSchedule] = field(default_factory=dict)  # by venue, instead of the dated table
    spread_bps: Decimal = SPREAD_BPS
    depth_usd: Decimal = DEPTH_USD
    latency_ms: int = LATENCY_MS
    min_net_bps: Decimal | None = None  # as configured
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.spread_bps.is_finite() and 0 <= self.spread_bps <= _MOST_SPREAD_BPS):
            raise BadInput(f"a spread of {self.spread_bps} bps is not between 0 and {_MOST_SPREAD_BPS}")
        if not (self.depth_usd.is_finite() and 0 < self.depth_usd <= _MOST_DEPTH_USD):
            raise BadInput(f"a depth of {self.depth_usd} USD is not a positive amount of at most {_MOST_DEPTH_USD:f}")
        if not 0 <= self.latency_ms <= _MOST_LATENCY_MS:
            raise BadInput(f"a latency of {self.latency_ms} ms is not between 0 and {_MOST_LATENCY_MS}")
        if self.min_net_bps is not None and not (self.min_net_bps.is_finite() and abs(self.min_net_bps) < 10_000):
            raise BadInput(f"a threshold of {self.min_net_bps} bps is not between -10000 and 10000")
        if abs(self.seed) >= 2**63:
            raise BadInput(f"seed {self.seed} does not fit 64 bits")

    def fees_of(self, venues: set[str]) -> dict[str, FeeSchedule]:
        """Return what each venue charges: as stated, else the dated entry tier.

        Raises: BadInput for a venue that neither knows, and for stated fees of a venue that no file is of.
        """
        idle = sorted(set(self.fees) - venues)
        if idle:
            raise BadInput(f"--fees names {idle[0]!r}, but the files are of {', '.join(sorted(venues))}")
        return {venue: self.fees.get(venue) or _of_the_table(venue) for venue in sorted(venues)}


def _of_the_table(venue: str) -> FeeSchedule:
    if venue not in ENTRY_TIER:
        raise BadInput(f"no fees are known for venue {venue!r}: say --fees {venue}=maker_bps/taker_bps")
    return schedule_of(ENTRY_TIER, venue)
