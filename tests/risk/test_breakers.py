"""The seven breakers: each tripped by what it watches, recovered by probes, never by forgetting."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.breakers import BreakerKind, BreakerState, VolatilityReading
from domain.errors import BadInput, Refused
from ops.models import Alert, OperatorAction
from risk import selectors
from risk.models import Breaker, BreakerEvent, EquityMark
from risk.services import (
    Admitted,
    note_volatility,
    record_outcome,
    recover,
    release,
    reset,
    tick,
    tick_all,
    trip,
)
from tests.risk.samples import NOW, OTHER, SCOPE, ask, ask_to_send, later, report, set_part

pytestmark = pytest.mark.django_db

ONLY = {"window": 20, "max_consecutive_failures": 100, "min_outcomes": 5, "probes": 2, "cooldown_s": 300}


@pytest.fixture(autouse=True)
def calm(settings):
    """Thresholds that let each breaker be tripped by itself, and room for every loss."""
    set_part(settings, "breakers", **ONLY)
    set_part(settings, "limits", daily_loss_usd=Decimal(100000), max_exposure_usd=Decimal(100000))


def tell(*changes, scope=SCOPE, first=1):
    for number, change in enumerate(changes, start=first):
        record_outcome(report(number, **change), scope=scope)


def tripped(scope=SCOPE):
    return {row.kind: row for row in Breaker.objects.in_scope(scope).filter(state="open")}


WIN, LOSS = {"net_usd": Decimal(1)}, {"net_usd": Decimal(-1)}
UNFILLED = {"net_usd": Decimal(0), "gross_usd": Decimal(0), "executed": False, "both_legs_as_planned": False}


def test_win_rate_trips_below_40_percent_of_the_last_20():
    tell(*[LOSS] * 12, *[WIN] * 8)
    assert tripped() == {}

    tell(LOSS, WIN, LOSS, first=21)  # the wins of the window stay 8 until a win leaves it
    assert tripped() == {}
    tell(*[LOSS] * 12, first=24)

    assert set(tripped()) == {"win_rate"}
    assert tripped()["win_rate"].value < tripped()["win_rate"].threshold == Decimal("0.4")
    assert tripped()["win_rate"].reason.startswith("win_rate is 0.3")


def test_drawdown_trips_more_than_15_percent_below_the_peak():
    tell({"equity_usd": Decimal(100_000)}, {"equity_usd": Decimal(120_000)}, {"equity_usd": Decimal(102_000)})
    assert tripped() == {}

    tell({"equity_usd": Decimal(101_999)}, first=4)

    assert set(tripped()) == {"drawdown"}
    assert tripped()["drawdown"].opened_at == later(4)
    assert tripped()["drawdown"].cool_until == later(304)


def test_gas_cost_trips_above_40_percent_of_gross_profit():
    at_the_edge = {"gross_usd": Decimal(10), "gas_usd": Decimal(4)}
    tell(*[at_the_edge] * 6)
    assert tripped() == {}

    tell({"gross_usd": Decimal(10), "gas_usd": Decimal("4.1")}, first=7)

    assert set(tripped()) == {"gas_cost"}


def test_consecutive_failures_trip_at_five_in_a_row_and_unfilled_ones_do_not_count(settings):
    set_part(settings, "breakers", max_consecutive_failures=5, min_outcomes=100)
    tell(LOSS, LOSS, LOSS, LOSS, WIN, LOSS, LOSS, UNFILLED, LOSS, LOSS)
    assert tripped() == {}

    tell({"net_usd": Decimal(0)}, first=11)

    assert set(tripped()) == {"consecutive_failures"}


def test_execution_failures_trip_at_80_percent_of_the_last_15_minutes():
    tell(WIN, UNFILLED, UNFILLED, UNFILLED)
    assert tripped() == {}

    tell(UNFILLED, first=5)

    assert set(tripped()) == {"execution_failures"}


def test_slippage_trips_when_the_latest_is_far_off_its_prediction():
    def slipped(bps):
        return {"predicted_slippage_bps": Decimal(2), "realised_slippage_bps": Decimal(bps)}

    tell(*[slipped(1), slipped(3)] * 12)
    assert tripped() == {}

    tell(slipped(12), first=25)

    assert set(tripped()) == {"slippage"}


def test_volatility_trips_at_three_times_its_baseline():
    calm = VolatilityReading(short=0.59, baseline=0.2, count=60, symbol="BTC/USD")
    assert not note_volatility(calm, scope=SCOPE, now=NOW)

    assert note_volatility(replace(calm, short=0.61), scope=SCOPE, now=NOW)

    row = tripped()["volatility"]
    assert row.reason == "volatility of BTC/USD is 3.05, threshold 3"
    assert not note_volatility(replace(calm, short=0.9), scope=SCOPE, now=later(100))
    row.refresh_from_db()
    assert row.cool_until == later(400)  # the cool-down began again


def test_a_trip_is_kept_as_an_event_and_alerted_once():
    trip(BreakerKind.SLIPPAGE, scope=SCOPE, reason="off", now=NOW, value=Decimal(3), threshold=Decimal("2.5"))
    trip(BreakerKind.SLIPPAGE, scope=SCOPE, reason="off", now=later(1))

    event = BreakerEvent.objects.get()
    assert (event.before, event.after, event.reason, event.actor) == ("closed", "open", "off", "system")
    assert (event.value, event.threshold) == (Decimal(3), Decimal("2.5"))
    alert = Alert.objects.get()
    assert (alert.title, alert.body, alert.level) == ("Breaker slippage of sim is open", "off", "error")


def test_scopes_never_mix_their_outcomes():
    for number in range(1, 30):
        tell(UNFILLED, scope=SCOPE if number % 2 else OTHER, first=number)
        if number == 8:
            assert tripped(SCOPE) == tripped(OTHER) == {}

    assert set(tripped(SCOPE)) == set(tripped(OTHER)) == {"execution_failures"}
    assert EquityMark.objects.in_scope(SCOPE).count() == 16  # the start and one for each of 15


def test_an_open_breaker_refuses_until_it_has_cooled_down():
    trip(BreakerKind.WIN_RATE, scope=SCOPE, reason="too few wins", now=NOW)

    assert tick(SCOPE, later(299)) == []
    assert ask(1, now=later(299)).reason == "breaker_win_rate"
    assert tick(SCOPE, later(300)) == [BreakerKind.WIN_RATE]
    assert isinstance(ask(1, now=later(300)), Admitted)


def half_open(kind=BreakerKind.WIN_RATE):
    trip(kind, scope=SCOPE, reason="too few wins", now=NOW)
    tick(SCOPE, later(300))
    return Breaker.objects.in_scope(SCOPE).get(kind=kind.value)


def settle(admitted, number, **changes):
    ended = report(number, reservation_id=admitted.reservation_id, settled_at=later(400 + number), **changes)
    record_outcome(ended, scope=SCOPE)


def test_probes_are_few_small_and_close_the_breaker_when_all_are_won():
    breaker = half_open()
    first, second = ask(1, now=later(301)), ask(2, now=later(302))

    assert first.is_probe
    assert first.size == Decimal("0.0025")
    assert ask(3, now=later(303)).reason == "breaker_win_rate"
    assert ask_to_send(first.reservation_id, now=later(304)) is None

    settle(first, 1, **WIN)
    assert Breaker.objects.get(pk=breaker.pk).state == BreakerState.HALF_OPEN
    settle(second, 2, **WIN)

    breaker.refresh_from_db()
    assert (breaker.state, breaker.probes_left, breaker.probes_won) == ("closed", 0, 0)
    assert isinstance(ask(4, now=later(500)), Admitted)
    assert [event.after for event in BreakerEvent.objects.order_by("id")] == [
        "open",
        "half_open",
        "half_open",
        "closed",
    ]


def test_a_lost_probe_opens_the_breaker_again_and_stops_the_other_probe():
    breaker = half_open()
    first, second = ask(1, now=later(301)), ask(2, now=later(302))

    settle(first, 1, **LOSS)

    breaker.refresh_from_db()
    assert (breaker.state, breaker.probes_left, breaker.cool_until) == ("open", 0, later(701))
    assert breaker.reason == "probe lost: execution 1, net -1 USD"
    assert ask_to_send(second.reservation_id, now=later(402)).reason == "breaker_win_rate"


def test_a_probe_that_filled_nothing_proves_nothing_and_is_given_back():
    breaker = half_open()
    first = ask(1, now=later(301))
    settle(first, 1, **UNFILLED)

    breaker.refresh_from_db()
    assert (breaker.state, breaker.probes_left, breaker.probes_won) == ("half_open", 2, 0)

    second = ask(2, now=later(402))
    assert release(second.reservation_id, scope=SCOPE, now=later(403))
    breaker.refresh_from_db()
    assert breaker.probes_left == 2


def test_a_probe_that_filled_nothing_is_lost_to_the_breaker_of_execution_failures():
    breaker = half_open(BreakerKind.EXECUTION_FAILURES)
    settle(ask(1, now=later(301)), 1, **UNFILLED)

    breaker.refresh_from_db()
    assert breaker.state == BreakerState.OPEN


def test_a_trade_admitted_before_the_trip_is_no_probe():
    admitted = ask(1)
    breaker = half_open()
    assert ask_to_send(admitted.reservation_id, now=later(301)).reason == "breaker_win_rate"

    settle(admitted, 1, **LOSS)

    breaker.refresh_from_db()
    assert breaker.state == BreakerState.HALF_OPEN


def test_what_tripped_a_breaker_is_not_counted_again_once_it_has_recovered():
    tell(*[UNFILLED] * 5)
    reset(scope=SCOPE, actor="ann", reason="venue is back", now=later(10))

    tell(*[UNFILLED] * 4, first=11)
    assert tripped() == {}
    tell(UNFILLED, first=15)
    assert set(tripped()) == {"execution_failures"}


def test_drawdown_counts_from_the_equity_at_recovery():
    tell({"equity_usd": Decimal(100_000)}, {"equity_usd": Decimal(80_000)})
    assert set(tripped()) == {"drawdown"}
    reset(scope=SCOPE, actor="ann", reason="accepted", now=later(5))

    tell({"equity_usd": Decimal(68_000)}, first=6)
    assert tripped() == {}
    tell({"equity_usd": Decimal(67_999)}, first=7)
    assert set(tripped()) == {"drawdown"}


@pytest.mark.parametrize("recovers", [False, True])
def test_a_peak_long_ago_counts_unless_the_breaker_recovered_since(monkeypatch, recovers):
    monkeypatch.setattr(selectors, "HISTORY", 3)
    tell(*({"equity_usd": Decimal(level)} for level in (4000, 100_000, 90_000, 89_000)))
    if recovers:
        trip(BreakerKind.DRAWDOWN, scope=SCOPE, reason="by hand", now=later(4.1))
        reset(scope=SCOPE, actor="ann", reason="money was taken out", now=later(4.5))
    tell(*({"equity_usd": Decimal(level)} for level in (88_000, 87_000, 86_000, 85_000)), first=5)
    assert tripped() == {}

    tell({"equity_usd": Decimal(84_999)}, first=9)
    assert set(tripped()) == (set() if recovers else {"drawdown"})
    tell({"equity_usd": Decimal(75_650)}, first=10)
    assert set(tripped()) == (set() if recovers else {"drawdown"})  # 15 % below the 89,000 of the recovery
    tell({"equity_usd": Decimal(75_649)}, first=11)
    assert set(tripped()) == {"drawdown"}


def test_recovery_by_hand_needs_a_reason_a_trip_and_is_audited():
    with pytest.raises(Refused, match="win_rate breaker of sim is closed"):
        recover(BreakerKind.WIN_RATE, scope=SCOPE, actor="ann", reason="why not", now=NOW)
    trip(BreakerKind.WIN_RATE, scope=SCOPE, reason="too few wins", now=NOW)
    with pytest.raises(BadInput, match="reason is empty"):
        recover(BreakerKind.WIN_RATE, scope=SCOPE, actor="ann", reason=" ", now=NOW)

    recover(BreakerKind.WIN_RATE, scope=SCOPE, actor="ann", reason="fees corrected", now=later(1))

    assert Breaker.objects.in_scope(SCOPE).get(kind="win_rate").state == BreakerState.HALF_OPEN
    deed = OperatorAction.objects.get()
    assert (deed.actor, deed.action, deed.subject, deed.reason) == (
        "ann",
        "recover_breaker",
        "win_rate",
        "fees corrected",
    )


def test_recovery_by_hand_refills_the_probes_of_a_half_open_breaker():
    breaker = half_open()
    ask(1, now=later(301))
    ask(2, now=later(301))

    recover(BreakerKind.WIN_RATE, scope=SCOPE, actor="ann", reason="both were cancelled", now=later(302))

    breaker.refresh_from_db()
    assert breaker.probes_left == 2


def test_reset_closes_all_and_says_which():
    trip(BreakerKind.WIN_RATE, scope=SCOPE, reason="a", now=NOW)
    trip(BreakerKind.GAS_COST, scope=SCOPE, reason="b", now=NOW)
    trip(BreakerKind.GAS_COST, scope=OTHER, reason="c", now=NOW)

    closed = reset(scope=SCOPE, actor="ann", reason="drill is over", now=later(1))

    assert set(closed) == {BreakerKind.WIN_RATE, BreakerKind.GAS_COST}
    assert set(tripped(OTHER)) == {"gas_cost"}
    assert OperatorAction.objects.get().action == "reset_breakers"


def test_the_tick_reaches_every_scope_whose_breaker_has_cooled_and_restores_missing_rows():
    trip(BreakerKind.GAS_COST, scope=OTHER, reason="gas", now=NOW)
    tick(SCOPE, NOW)
    Breaker.objects.in_scope(SCOPE).filter(kind="slippage").delete()

    tick_all(later(301))

    assert Breaker.objects.in_scope(OTHER).get(kind="gas_cost").state == BreakerState.HALF_OPEN
    assert Breaker.objects.in_scope(SCOPE).filter(kind="slippage").exists()
