"""The seven breakers: where each trips and where it does not, and how a breaker recovers."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.breakers import (
    BREAKER_TRANSITIONS,
    BreakerConfig,
    BreakerEvent,
    BreakerKind,
    BreakerPosition,
    BreakerState,
    EquityPoint,
    TradeOutcome,
    Trip,
    VolatilityReading,
    advance_breaker,
    consecutive_failures,
    evaluate,
    slippage,
    win_rate,
)
from domain.errors import BadInput, IllegalTransition

CONFIG = BreakerConfig()
WON = TradeOutcome(0, Decimal(1), Decimal(2), Decimal(0), executed=True, both_legs_as_planned=True)
LOST = replace(WON, net_usd=Decimal(-1))
UNFILLED = replace(WON, net_usd=Decimal(0), gross_usd=Decimal(0), executed=False, both_legs_as_planned=False)
NOW_NS = 10**18


def judged(kind: BreakerKind, outcomes=(), equity=(), volatility=None, config=CONFIG) -> Trip | None:
    """Return whether the breaker must trip."""
    return evaluate(kind, outcomes, equity, volatility, config, NOW_NS)


def slipped(*errors_bps: str) -> list[TradeOutcome]:
    """Return outcomes whose slippage was off its prediction of 2 bps by so much."""
    predicted = Decimal(2)
    return [replace(WON, slippage_bps=predicted + Decimal(e), predicted_slippage_bps=predicted) for e in errors_bps]


def settled_ago(*seconds: int, outcome: TradeOutcome) -> list[TradeOutcome]:
    """Return that outcome, settled so long ago."""
    return [replace(outcome, settled_at_ns=NOW_NS - ago * 10**9) for ago in seconds]


def test_eight_wins_of_twenty_pass_and_seven_trip():
    assert judged(BreakerKind.WIN_RATE, [WON] * 8 + [LOST] * 12) is None
    assert judged(BreakerKind.WIN_RATE, [WON] * 7 + [LOST] * 13) == Trip(
        BreakerKind.WIN_RATE, Decimal("0.35"), Decimal("0.40"), 20
    )


def test_nineteen_trades_are_too_few_for_a_win_rate():
    assert judged(BreakerKind.WIN_RATE, [LOST] * 19) is None


def test_only_the_last_twenty_count():
    assert judged(BreakerKind.WIN_RATE, [LOST] * 50 + [WON] * 20) is None


def test_nothing_filled_is_neither_win_nor_loss():
    assert not UNFILLED.is_win
    assert not UNFILLED.is_failure
    assert judged(BreakerKind.WIN_RATE, ([WON] * 8 + [LOST] * 12) + [UNFILLED] * 20) is None
    assert judged(BreakerKind.CONSECUTIVE_FAILURES, [LOST, LOST, UNFILLED, LOST, UNFILLED, LOST]) is None
    assert judged(BreakerKind.CONSECUTIVE_FAILURES, [LOST, LOST, UNFILLED, LOST, UNFILLED, LOST, LOST]).n == 5


def test_a_net_of_zero_is_a_failure():
    assert replace(WON, net_usd=Decimal(0)).is_failure


def test_five_failures_in_a_row_trip_and_a_win_between_does_not():
    assert judged(BreakerKind.CONSECUTIVE_FAILURES, [WON] + [LOST] * 5) is not None
    assert judged(BreakerKind.CONSECUTIVE_FAILURES, [LOST] * 4 + [WON] + [LOST] * 4) is None


def test_an_unwound_loss_counts_as_a_failure_in_a_row():
    unwound = replace(LOST, unwound=True, both_legs_as_planned=False)
    assert judged(BreakerKind.CONSECUTIVE_FAILURES, [unwound] * 5) is not None


def equity(*values: str) -> list[EquityPoint]:
    """Return an equity curve."""
    return [EquityPoint(number, Decimal(value)) for number, value in enumerate(values)]


def test_fifteen_per_cent_below_the_peak_pass_and_a_cent_more_trips():
    assert judged(BreakerKind.DRAWDOWN, equity=equity("500", "1000", "850")) is None
    trip = judged(BreakerKind.DRAWDOWN, equity=equity("500", "1000", "849.99"))
    assert (trip.value, trip.threshold) == (Decimal("0.15001"), Decimal("0.15"))


def test_a_drawdown_that_was_made_good_does_not_trip():
    assert judged(BreakerKind.DRAWDOWN, equity=equity("1000", "500", "990")) is None


def test_no_equity_is_no_drawdown():
    assert judged(BreakerKind.DRAWDOWN) is None
    assert judged(BreakerKind.DRAWDOWN, equity=equity("0", "0")) is None


def test_losing_everything_trips():
    assert judged(BreakerKind.DRAWDOWN, equity=equity("10", "0")).value == 1


def test_gas_above_forty_per_cent_of_gross_profit_trips():
    paid = [replace(WON, gross_usd=Decimal(10), gas_usd=Decimal(4))] * 5
    assert judged(BreakerKind.GAS_COST, paid) is None
    more = [*paid, replace(WON, gross_usd=Decimal(0), gas_usd=Decimal("0.01"))]
    assert judged(BreakerKind.GAS_COST, more).value > Decimal("0.4")


def test_gas_that_earned_nothing_trips():
    reverted = replace(UNFILLED, gas_usd=Decimal(1))
    assert judged(BreakerKind.GAS_COST, [reverted] * 5).value == 1


def test_without_gas_there_is_no_gas_breaker():
    assert judged(BreakerKind.GAS_COST, [LOST] * 30) is None


def test_volatility_at_three_times_its_baseline_trips():
    assert judged(BreakerKind.VOLATILITY, volatility=VolatilityReading(0.89, 0.3, 60)) is None
    assert judged(BreakerKind.VOLATILITY, volatility=VolatilityReading(1.5, 0.5, 60)).value == 3


@pytest.mark.parametrize("reading", [None, VolatilityReading(9.0, 0.3, 29), VolatilityReading(9.0, 0.0, 60)])
def test_volatility_that_is_hardly_known_does_not_trip(reading):
    assert judged(BreakerKind.VOLATILITY, volatility=reading) is None


def test_four_of_five_executions_failed_within_a_quarter_of_an_hour_trip():
    failed = settled_ago(10, 20, 30, 899, outcome=UNFILLED)
    assert judged(BreakerKind.EXECUTION_FAILURES, [*failed, *settled_ago(5, outcome=WON)]).value == Decimal("0.8")
    assert judged(BreakerKind.EXECUTION_FAILURES, [*failed, *settled_ago(5, 6, outcome=WON)]) is None


def test_failures_of_more_than_a_quarter_of_an_hour_ago_are_over():
    assert judged(BreakerKind.EXECUTION_FAILURES, settled_ago(10, 20, 30, 40, 900, outcome=UNFILLED)) is None


def test_slippage_far_off_its_prediction_trips_either_way():
    usual = ["-1", "1"] * 10
    assert judged(BreakerKind.SLIPPAGE, slipped(*usual, "2.5")) is None
    assert judged(BreakerKind.SLIPPAGE, slipped(*usual, "2.6")).n == 20
    assert judged(BreakerKind.SLIPPAGE, slipped(*usual, "-2.6")) is not None


def test_slippage_is_not_judged_on_fewer_than_twenty_trades_before():
    assert judged(BreakerKind.SLIPPAGE, slipped(*["-1", "1"] * 9, "1", "50")) is None


def test_slippage_that_never_varied_does_not_trip_over_dust():
    assert judged(BreakerKind.SLIPPAGE, slipped(*["0"] * 20, "1.2")) is None
    assert judged(BreakerKind.SLIPPAGE, slipped(*["0"] * 20, "1.25")).value == Decimal("2.5")


def test_trades_without_a_prediction_are_left_out():
    assert slippage([WON] * 50, CONFIG) is None


@given(outcomes=st.lists(st.sampled_from([WON, LOST, UNFILLED, *slipped("0", "99")]), max_size=60))
def test_every_breaker_judges_every_history(outcomes):
    for kind in BreakerKind:
        trip = judged(kind, outcomes, equity("100", "99"), VolatilityReading(0.3, 0.3, 60))
        assert trip is None or (trip.kind is kind and trip.n > 0)


@pytest.mark.parametrize("name", ["min_win_rate", "cool_down_s", "probes_to_close", "volatility_multiple"])
def test_a_setting_must_be_positive_and_is_named(name):
    with pytest.raises(BadInput, match=name):
        replace(CONFIG, **{name: 0})


def mean_trades_to_trip(judge, true_win_rate: float, *, seed: int, runs: int, window: int) -> float:
    """Return after how many trades a breaker trips a system that wins so often, on average."""
    draw, total = random.Random(seed), 0
    for _ in range(runs):
        history: list[TradeOutcome] = []
        while judge(history, CONFIG) is None:
            history = [*history[-window:], WON if draw.random() < true_win_rate else LOST]
            total += 1
    return total / runs


def test_at_a_true_win_rate_of_sixty_per_cent_the_win_rate_breaker_trips_about_every_254_trades():
    assert 180 < mean_trades_to_trip(win_rate, 0.6, seed=11, runs=150, window=19) < 340


def test_at_a_true_win_rate_of_sixty_per_cent_five_in_a_row_trip_about_every_161_trades():
    assert 120 < mean_trades_to_trip(consecutive_failures, 0.6, seed=11, runs=300, window=4) < 205


def after(*events: BreakerEvent, probes_to_close: int = 3) -> BreakerPosition:
    """Return where a closed breaker stands after these events."""
    position = BreakerPosition()
    for event in events:
        position = advance_breaker(position, event, probes_to_close=probes_to_close)
    return position


TRIP, COOLED, PROBE_WON, PROBE_LOST, RESET = BreakerEvent


def test_a_breaker_recovers_by_winning_its_probes():
    assert after(TRIP) == BreakerPosition(BreakerState.OPEN)
    assert after(TRIP, COOLED) == BreakerPosition(BreakerState.HALF_OPEN)
    assert after(TRIP, COOLED, PROBE_WON, PROBE_WON) == BreakerPosition(BreakerState.HALF_OPEN, 2)
    assert after(TRIP, COOLED, PROBE_WON, PROBE_WON, PROBE_WON) == BreakerPosition(BreakerState.CLOSED)


def test_one_lost_probe_opens_it_again_and_probes_start_over():
    assert after(TRIP, COOLED, PROBE_WON, PROBE_LOST) == BreakerPosition(BreakerState.OPEN)
    assert after(TRIP, COOLED, PROBE_WON, PROBE_LOST, COOLED, PROBE_WON) == BreakerPosition(BreakerState.HALF_OPEN, 1)


def test_a_person_may_close_it_from_anywhere():
    assert all(after(*before, RESET).state is BreakerState.CLOSED for before in ((), (TRIP,), (TRIP, COOLED)))


def test_a_late_probe_does_not_move_an_open_breaker():
    assert after(TRIP, PROBE_WON) == after(TRIP, PROBE_LOST) == BreakerPosition(BreakerState.OPEN)


@pytest.mark.parametrize("state", [BreakerState.CLOSED, BreakerState.HALF_OPEN])
def test_only_an_open_breaker_cools(state):
    with pytest.raises(IllegalTransition, match=state):
        advance_breaker(BreakerPosition(state), COOLED, probes_to_close=1)


def test_nothing_but_winning_probes_or_a_person_closes_an_open_breaker():
    ways = {event for (state, event), to in BREAKER_TRANSITIONS.items() if to is BreakerState.CLOSED is not state}
    assert ways == {RESET}
    assert after(TRIP, COOLED, PROBE_WON, probes_to_close=1).state is BreakerState.CLOSED
