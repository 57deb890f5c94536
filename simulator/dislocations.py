"""How far each venue's mid stands from the fair price: dislocations that decay, and the scripted incident."""

from dataclasses import dataclass
from itertools import cycle
from random import Random

from domain.errors import BadInput
from domain.market import MarketKey

IDLE_BPS = 30.0  # a base asset dislocated by less may be dislocated anew


@dataclass(frozen=True, slots=True)
class Temper:
    """How often and how far venues stray, and the script of the incident.

    Units: ``every_s`` is the mean time between arrivals over all markets; amplitudes and half-lives are (low, high).
    Of what strays at a market, a share of its own is fleeting: one of ``fleeting_shares``, dealt out evenly.
    """

    small_every_s: float = 0.8
    small_bps: tuple[float, float] = (5.0, 40.0)
    tradable_every_s: float = 2.8
    tradable_bps: tuple[float, float] = (90.0, 200.0)
    half_life_s: tuple[float, float] = (4.0, 9.0)
    fleeting_shares: tuple[float, ...] = ()
    fleeting_half_life_s: tuple[float, float] = (0.05, 0.5)
    incident_at_s: float | None = 30.0
    incident_for_s: float = 12.0
    phantom_every_s: float = 0.25
    phantom_bps: tuple[float, float] = (100.0, 250.0)
    calming_half_life_s: float = 0.3  # how fast real dislocations go when the incident begins

    def __post_init__(self) -> None:
        for name in ("small_every_s", "tradable_every_s", "phantom_every_s", "incident_for_s"):
            if getattr(self, name) <= 0:
                raise BadInput(f"{name} is {getattr(self, name)}: it must be positive")
        if not all(0 <= share <= 1 for share in self.fleeting_shares):
            raise BadInput(f"fleeting_shares is {self.fleeting_shares}: each must lie between 0 and 1")

    def in_incident(self, elapsed_s: float) -> bool:
        """Return whether the incident is on ``elapsed_s`` after the start."""
        begins_s = self.incident_at_s
        return begins_s is not None and begins_s <= elapsed_s < begins_s + self.incident_for_s


class Dislocations:
    """The offset of every market from its fair price."""

    def __init__(self, markets: tuple[MarketKey, ...], temper: Temper, *, step_s: float, rng: Random) -> None:
        self._markets = markets
        self._temper = temper
        self._step_s = step_s
        self._rng = rng
        self._resting_bps = dict.fromkeys(markets, 0.0)
        self._kept_per_step = dict.fromkeys(markets, 1.0)
        self._fleeting = _dealt(temper.fleeting_shares, markets, rng)
        self._phantom: tuple[MarketKey, float] | None = None

    def step(self, elapsed_s: float) -> None:
        """Let every dislocation decay by one step and new ones arrive."""
        self._phantom = None
        in_incident = self._temper.in_incident(elapsed_s)
        calming = _kept(self._temper.calming_half_life_s, self._step_s)
        for market, resting_bps in self._resting_bps.items():
            kept = calming if in_incident else self._kept_per_step[market]
            self._resting_bps[market] = resting_bps * kept
        if in_incident:
            self._phantoms_arrive()
        else:
            self._dislocations_arrive()

    def of(self, market: MarketKey) -> float:
        """Return how far ``market`` stands from its fair price, in basis points."""
        resting_bps = self._resting_bps[market]
        if self._phantom is not None and self._phantom[0] == market:
            return resting_bps + self._phantom[1]
        return resting_bps

    def _dislocations_arrive(self) -> None:
        if self._arrives(self._temper.small_every_s):
            self._dislocate(self._markets, self._temper.small_bps)
        if self._arrives(self._temper.tradable_every_s):
            self._dislocate(self._idle_markets(), self._temper.tradable_bps)

    def _phantoms_arrive(self) -> None:
        """Shift one market for this step alone: gone before any order that trusts it arrives."""
        if self._arrives(self._temper.phantom_every_s):
            market = self._rng.choice(self._markets)
            self._phantom = (market, self._amplitude(self._temper.phantom_bps))

    def _dislocate(self, markets: tuple[MarketKey, ...], size_bps: tuple[float, float]) -> None:
        if not markets:
            return
        market = self._rng.choice(markets)
        self._resting_bps[market] += self._amplitude(size_bps)
        is_fleeting = bool(self._fleeting) and self._rng.random() < self._fleeting[market]
        half_life_s = self._temper.fleeting_half_life_s if is_fleeting else self._temper.half_life_s
        self._kept_per_step[market] = _kept(self._rng.uniform(*half_life_s), self._step_s)

    def _idle_markets(self) -> tuple[MarketKey, ...]:
        busy = {market.pair.base for market, bps in self._resting_bps.items() if abs(bps) > IDLE_BPS}
        return tuple(market for market in self._markets if market.pair.base not in busy)

    def _arrives(self, every_s: float) -> bool:
        return self._rng.random() < self._step_s / every_s

    def _amplitude(self, size_bps: tuple[float, float]) -> float:
        return self._rng.choice((-1.0, 1.0)) * self._rng.uniform(*size_bps)


def _dealt(shares: tuple[float, ...], markets: tuple[MarketKey, ...], rng: Random) -> dict[MarketKey, float]:
    """Return a share for each market; nothing is drawn where there are none, so that a seed stays what it was."""
    return dict(zip(rng.sample(markets, len(markets)), cycle(shares), strict=False)) if shares else {}


def _kept(half_life_s: float, step_s: float) -> float:
    """Return the share of a dislocation that is left after one step."""
    return float(0.5 ** (step_s / half_life_s))
