"""The seven circuit breakers: pure judgements over outcomes, equity and volatility, and their state table.

The caller hands in the outcomes since the breaker last closed, oldest first: what tripped it once shall not trip it
again the moment it recovers.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.errors import BadInput, IllegalTransition
from domain.money import EXACT, UP, ZERO, exact_sum, from_float, quantize_up, to_float
from domain.timestamps import NS_PER_S


class BreakerKind(StrEnum):
    """What a breaker watches."""

    WIN_RATE = "win_rate"
    DRAWDOWN = "drawdown"
    GAS_COST = "gas_cost"
    CONSECUTIVE_FAILURES = "consecutive_failures"
    VOLATILITY = "volatility"
    EXECUTION_FAILURES = "execution_failures"
    SLIPPAGE = "slippage"


class BreakerState(StrEnum):
    """Whether opening trades may pass."""

    CLOSED = "closed"  # all may
    OPEN = "open"  # none may
    HALF_OPEN = "half_open"  # a few probes at reduced size may


class BreakerEvent(StrEnum):
    """What moves a breaker."""

    TRIP = "trip"
    COOLED = "cooled"
    PROBE_WON = "probe_won"
    PROBE_LOST = "probe_lost"
    RESET = "reset"  # by a person


@dataclass(frozen=True, slots=True)
class BreakerConfig:
    """Thresholds, windows and least counts; shares are of one, so 0.4 is 40 %. Raises: BadInput."""

    min_win_rate: Decimal = Decimal("0.40")
    win_rate_window: int = 20
    max_drawdown: Decimal = Decimal("0.15")
    max_gas_share: Decimal = Decimal("0.40")
    gas_window: int = 20
    gas_min_count: int = 5
    max_failures_in_row: int = 5
    volatility_multiple: Decimal = Decimal(3)
    volatility_min_count: int = 30
    max_execution_failure_share: Decimal = Decimal("0.80")
    execution_failure_window_s: int = 900
    execution_failure_min_count: int = 5
    slippage_deviations: Decimal = Decimal("2.5")
    slippage_window: int = 50
    slippage_min_count: int = 20
    slippage_least_std_bps: Decimal = Decimal("0.5")  # paper fills may not vary at all: no noise, no alarm over dust
    cool_down_s: int = 300
    probes_to_close: int = 3
    probe_size_share: Decimal = Decimal("0.25")

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise BadInput(f"breaker setting {name} must be positive, it is {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class TradeOutcome:
    """How one execution ended, as the breakers see it."""

    settled_at_ns: int
    net_usd: Decimal
    gross_usd: Decimal
    gas_usd: Decimal
    executed: bool  # something was filled
    both_legs_as_planned: bool
    slippage_bps: Decimal | None = None
    predicted_slippage_bps: Decimal | None = None
    unwound: bool = False
    probe: bool = False

    @property
    def is_win(self) -> bool:
        """Whether something was filled and it earned; with nothing filled an outcome is neither win nor failure."""
        return self.executed and self.net_usd > ZERO

    @property
    def is_failure(self) -> bool:
        """Whether something was filled and it earned nothing."""
        return self.executed and self.net_usd <= ZERO


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """What we owned at an instant, in US dollars."""

    at_ns: int
    equity_usd: Decimal


@dataclass(frozen=True, slots=True)
class VolatilityReading:
    """A short window's volatility against its baseline, and how many returns the short one rests on."""

    short: float
    baseline: float
    count: int
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Trip:
    """A threshold that was passed: what was measured, on how many observations."""

    kind: BreakerKind
    value: Decimal
    threshold: Decimal
    n: int


def evaluate(
    kind: BreakerKind,
    outcomes: Sequence[TradeOutcome],
    equity: Sequence[EquityPoint],
    volatility: VolatilityReading | None,
    config: BreakerConfig,
    now_ns: int,
) -> Trip | None:
    """Return why the breaker ``kind`` must trip now, None if it need not; all sequences oldest first."""
    if kind is BreakerKind.DRAWDOWN:
        return drawdown(equity, config)
    if kind is BreakerKind.VOLATILITY:
        return volatility_spike(volatility, config)
    if kind is BreakerKind.EXECUTION_FAILURES:
        return execution_failures(outcomes, config, now_ns)
    return _BY_OUTCOMES[kind](outcomes, config)


def win_rate(outcomes: Sequence[TradeOutcome], config: BreakerConfig) -> Trip | None:
    """Trip where fewer than ``min_win_rate`` of the last full window won."""
    window = _executed(outcomes)[-config.win_rate_window :]
    if len(window) < config.win_rate_window:
        return None
    share = _share(sum(outcome.is_win for outcome in window), len(window))
    return _trip(BreakerKind.WIN_RATE, share, config.min_win_rate, len(window), when=share < config.min_win_rate)


def drawdown(equity: Sequence[EquityPoint], config: BreakerConfig) -> Trip | None:
    """Trip where equity is more than ``max_drawdown`` below its peak."""
    peak = max((point.equity_usd for point in equity), default=ZERO)
    if peak <= ZERO:
        return None
    lost = UP.divide(EXACT.subtract(peak, equity[-1].equity_usd), peak)
    return _trip(BreakerKind.DRAWDOWN, lost, config.max_drawdown, len(equity), when=lost > config.max_drawdown)


def gas_cost(outcomes: Sequence[TradeOutcome], config: BreakerConfig) -> Trip | None:
    """Trip where gas, reverts included, ate more than ``max_gas_share`` of the window's gross profit."""
    window = outcomes[-config.gas_window :]
    gas = exact_sum(outcome.gas_usd for outcome in window)
    if len(window) < config.gas_min_count or gas <= ZERO:
        return None
    gross = exact_sum(outcome.gross_usd for outcome in window)
    share = UP.divide(gas, gross) if gross > ZERO else Decimal(1)  # gas without any profit: all of it is eaten
    return _trip(BreakerKind.GAS_COST, share, config.max_gas_share, len(window), when=share > config.max_gas_share)


def consecutive_failures(outcomes: Sequence[TradeOutcome], config: BreakerConfig) -> Trip | None:
    """Trip where the last ``max_failures_in_row`` executed trades all earned nothing."""
    run = 0
    for outcome in reversed(_executed(outcomes)):
        if not outcome.is_failure:
            break
        run += 1
    limit = config.max_failures_in_row
    return _trip(BreakerKind.CONSECUTIVE_FAILURES, Decimal(run), Decimal(limit), run, when=run >= limit)


def volatility_spike(reading: VolatilityReading | None, config: BreakerConfig) -> Trip | None:
    """Trip where the short window is at least ``volatility_multiple`` times its baseline."""
    if reading is None or reading.count < config.volatility_min_count or not reading.baseline > 0:
        return None
    multiple = from_float(reading.short / reading.baseline)
    limit = config.volatility_multiple
    return _trip(BreakerKind.VOLATILITY, multiple, limit, reading.count, when=multiple >= limit)


def execution_failures(outcomes: Sequence[TradeOutcome], config: BreakerConfig, now_ns: int) -> Trip | None:
    """Trip where at least ``max_execution_failure_share`` of the window's trades did not fill as planned."""
    since_ns = now_ns - config.execution_failure_window_s * NS_PER_S
    window = [outcome for outcome in outcomes if outcome.settled_at_ns > since_ns]
    if len(window) < config.execution_failure_min_count:
        return None
    share = _share(sum(not outcome.both_legs_as_planned for outcome in window), len(window))
    limit = config.max_execution_failure_share
    return _trip(BreakerKind.EXECUTION_FAILURES, share, limit, len(window), when=share >= limit)


def slippage(outcomes: Sequence[TradeOutcome], config: BreakerConfig) -> Trip | None:
    """Trip where the latest slippage is off its prediction as the trades before it were not, either way.

    Measured in standard deviations of (realised - predicted) over the trades before the latest.
    """
    errors = _slippage_errors(outcomes)[-config.slippage_window - 1 :]
    before = errors[:-1]
    if len(before) < config.slippage_min_count:
        return None
    spread = max(statistics.stdev(before), to_float(config.slippage_least_std_bps))
    deviations = from_float(abs(errors[-1] - statistics.fmean(before)) / spread)
    limit = config.slippage_deviations
    return _trip(BreakerKind.SLIPPAGE, deviations, limit, len(before), when=deviations >= limit)


@dataclass(frozen=True, slots=True)
class BreakerPosition:
    """Where a breaker stands, and how many probes it has won since it went half open."""

    state: BreakerState = BreakerState.CLOSED
    probes_won: int = 0


BREAKER_TRANSITIONS: Mapping[tuple[BreakerState, BreakerEvent], BreakerState] = {
    (BreakerState.CLOSED, BreakerEvent.TRIP): BreakerState.OPEN,
    (BreakerState.CLOSED, BreakerEvent.PROBE_WON): BreakerState.CLOSED,  # a probe may settle after a person's reset
    (BreakerState.CLOSED, BreakerEvent.PROBE_LOST): BreakerState.CLOSED,  # judged as any other outcome is
    (BreakerState.CLOSED, BreakerEvent.RESET): BreakerState.CLOSED,
    (BreakerState.OPEN, BreakerEvent.TRIP): BreakerState.OPEN,  # the cool-down begins again
    (BreakerState.OPEN, BreakerEvent.COOLED): BreakerState.HALF_OPEN,
    (BreakerState.OPEN, BreakerEvent.PROBE_WON): BreakerState.OPEN,  # a probe may settle after another one's loss
    (BreakerState.OPEN, BreakerEvent.PROBE_LOST): BreakerState.OPEN,
    (BreakerState.OPEN, BreakerEvent.RESET): BreakerState.CLOSED,
    (BreakerState.HALF_OPEN, BreakerEvent.TRIP): BreakerState.OPEN,
    (BreakerState.HALF_OPEN, BreakerEvent.PROBE_WON): BreakerState.HALF_OPEN,  # CLOSED at the last of the probes
    (BreakerState.HALF_OPEN, BreakerEvent.PROBE_LOST): BreakerState.OPEN,
    (BreakerState.HALF_OPEN, BreakerEvent.RESET): BreakerState.CLOSED,
}


def advance_breaker(position: BreakerPosition, event: BreakerEvent, *, probes_to_close: int) -> BreakerPosition:
    """Return where the breaker stands after ``event``. Raises: IllegalTransition if the table has no such row."""
    try:
        after = BREAKER_TRANSITIONS[position.state, event]
    except KeyError:
        raise IllegalTransition(f"{event} is not accepted in state {position.state}") from None
    if after is not BreakerState.HALF_OPEN:
        return BreakerPosition(after)
    won = position.probes_won + 1 if event is BreakerEvent.PROBE_WON else 0
    return BreakerPosition(BreakerState.CLOSED) if won >= probes_to_close else BreakerPosition(after, won)


_BY_OUTCOMES: Mapping[BreakerKind, Callable[[Sequence[TradeOutcome], BreakerConfig], Trip | None]] = {
    BreakerKind.WIN_RATE: win_rate,
    BreakerKind.GAS_COST: gas_cost,
    BreakerKind.CONSECUTIVE_FAILURES: consecutive_failures,
    BreakerKind.SLIPPAGE: slippage,
}


def _trip(kind: BreakerKind, value: Decimal, threshold: Decimal, n: int, *, when: bool) -> Trip | None:
    return Trip(kind, quantize_up(value), threshold, n) if when else None


def _executed(outcomes: Sequence[TradeOutcome]) -> list[TradeOutcome]:
    return [outcome for outcome in outcomes if outcome.executed]


def _share(part: int, whole: int) -> Decimal:
    return UP.divide(Decimal(part), Decimal(whole))


def _slippage_errors(outcomes: Sequence[TradeOutcome]) -> list[float]:
    return [
        to_float(EXACT.subtract(outcome.slippage_bps, outcome.predicted_slippage_bps))
        for outcome in outcomes
        if outcome.slippage_bps is not None and outcome.predicted_slippage_bps is not None
    ]
