"""What the panels say: the truth, on a system that loses, on one that is stopped, on one that stands still."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from arbsite.dashboards import macros
from arbsite.dashboards.files import read
from arbsite.dashboards.role import search_path
from domain.breakers import BreakerKind
from domain.scope import Mode
from ops.models import Canary, Reading, ReadingKind
from risk.models import Breaker, BreakerEvent, EquityMark, Gate, Limit, Outcome, Reservation
from trading.models import EdgeObservation, EvaluationCount, Opportunity

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = NOW.replace(minute=0, second=0)
SCOPE = {"mode": "dry_run", "run_id": ""}
QUERIES = {
    (dashboard.uid, panel.id): panel.targets[0].sql
    for dashboard in read(Path(settings.ARB.checkout) / "grafana").dashboards
    for panel in dashboard.panels
    if panel.targets
}
pytestmark = pytest.mark.django_db


def ask(uid: str, panel: int, *, mode: str = "dry_run", run: str = "", days: float = 1) -> list[dict[str, Any]]:
    """Return a panel's rows as Grafana would get them, by column."""
    setting = macros.Setting(
        start=NOW - timedelta(days=days),
        end=NOW,
        has_timescale=True,
        variables={"mode": macros.Chosen((mode,)), "run": macros.Chosen((run,))},
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL search_path TO {search_path(cursor)}")
        cursor.execute(macros.expand(QUERIES[uid, panel], setting))
        columns = [column.name for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        cursor.execute("RESET search_path")
        return rows


def only(uid: str, panel: int, **given: Any) -> Any:
    """Return the one value of a panel that shows one."""
    (row,) = ask(uid, panel, **given)
    (value,) = row.values()
    return value


def settle(minutes_ago: float, net: float, **given: Any) -> None:
    number = Outcome.objects.count() + 1
    executed = given.get("executed", True)
    figures = {"gross_usd": net + 4, "fees_usd": 3, "gas_usd": 1, "notional_usd": 1000, "executed": True}
    known = {
        "both_legs_as_planned": executed,
        "unwound": False,
        "realised_slippage_bps": 2,
        "predicted_slippage_bps": 1,
    }
    at = {"settled_at": NOW - timedelta(minutes=minutes_ago)}
    Outcome.objects.create(**SCOPE, execution_id=number, net_usd=net, **figures | known | at | given)


def find(minutes_ago: float = 30, *, net: float | None = None, route: str = "a", **given: Any) -> Opportunity:
    result = {} if net is None else {"executed": True, "profitable": net > 0, "profit_usd": net, "profit_quote": net}
    known = {"symbol": "BTC/USD", "edge_bps": 20, "gross_edge_bps": 90, "peak_edge_bps": 20, **SCOPE}
    return Opportunity.objects.create(
        timestamp=NOW - timedelta(minutes=minutes_ago),
        route_key=route,
        buy_venue="kraken",
        sell_venue="alpaca",
        size=1,
        notional_usd=1000,
        **known | result | given,
    )


def test_losses_count_in_full():
    for minutes, net in ((50, 10), (40, -4), (30, -7)):
        settle(minutes, net, unwound=net == -7)
    assert only("arb-monitoring", 4) == -1
    assert [(row["net"], row["peak"]) for row in ask("arb-monitoring", 12)] == [(0, 0), (10, 10), (6, 10), (-1, 10)]
    assert only("arb-risk", 4) == 2


def test_a_loss_from_the_start_draws_down_from_zero():
    settle(10, -5)
    assert [(row["net"], row["peak"]) for row in ask("arb-monitoring", 12)] == [(0, 0), (-5, 0)]


def test_gas_without_any_profit_is_all_of_it():
    settle(10, -5, gross_usd=-1, gas_usd=3)
    assert only("arb-monitoring", 5) == 1
    assert ask("arb-monitoring", 13)[-1]["gas share"] == 1 or ask("arb-monitoring", 13)[-2]["gas share"] == 1
    assert ask("arb-risk", 16)[-1]["gas share"] == 1


def test_gas_is_a_share_of_gross_profit():
    settle(10, 6, gross_usd=10, gas_usd=2)
    assert only("arb-monitoring", 5) == Decimal("0.2")


def test_the_win_rate_is_of_what_was_executed():
    for net in (3, -2, 5, None, None):
        find(net=net)
    assert only("arb-monitoring", 2) == pytest.approx(2 / 3)
    (symbol,) = ask("arb-monitoring", 20)
    assert (symbol["executed"], symbol["net_usd"]) == (3, 6)


def test_the_rolling_win_rate_takes_the_last_twenty_and_waits_for_five():
    for number in range(24):
        settle(24 - number, 1 if number < 4 else -1)
    rows = ask("arb-monitoring", 10)
    assert len(rows) == 20
    assert rows[0]["win rate"] == Decimal("0.8")
    assert rows[-1]["win rate"] == 0


def test_other_modes_and_runs_are_not_mixed_in():
    find(net=3)
    find(net=-3, mode="sim")
    find(net=-3, run_id="other")
    assert only("arb-monitoring", 2) == 1
    assert only("arb-monitoring", 2, mode="sim") == 0
    assert only("arb-monitoring", 2, run="other") == 0
    assert only("arb-monitoring", 1) == 1


def test_an_hour_without_an_opportunity_is_a_zero():
    find(130)
    rows = ask("arb-monitoring", 9)
    assert len(rows) == 25
    assert sum(row["opportunities"] for row in rows) == 1
    assert rows[-1]["opportunities"] == 0


def test_the_hour_is_that_of_the_beginning():
    find((NOW - HOUR).total_seconds() / 60)
    assert ask("arb-monitoring", 9)[-1]["opportunities"] == 1


def test_hourly_profit_shows_losses_beside_the_gains():
    find(5, net=7)
    find(5, net=-9)
    (row,) = ask("arb-monitoring", 14)
    assert (row["won"], row["lost"], row["net"]) == (7, -9, -2)


def test_a_route_is_judged_with_wilson_s_interval():
    for number in range(10):
        find(net=2 if number < 8 else -1)
    (row,) = ask("arb-monitoring", 21)
    assert (row["executed"], row["net"]) == (10, 14)
    # Wilson 1927 for 8 of 10 at 95 %: 0.4902 to 0.9433
    assert (row["win rate from"], row["win rate to"]) == (
        pytest.approx(0.4902, abs=1e-4),
        pytest.approx(0.9433, abs=1e-4),
    )
    assert row["mean from"] < row["mean result"] < row["mean to"]


def test_a_route_that_was_never_traded_claims_nothing():
    find()
    (row,) = ask("arb-monitoring", 21)
    assert (row["opportunities"], row["executed"], row["win rate"], row["win rate from"], row["mean result"]) == (
        1,
        0,
        None,
        None,
        None,
    )


def test_the_funnel_takes_off_stage_by_stage():
    for stage, count in (("fresh", 10), ("crossed", 20), ("cost", 60), ("size", 4), ("paid", 6)):
        EvaluationCount.objects.create(**SCOPE, hour=HOUR, route_key="a", stage=stage, count=count)
    find(net=2)
    steps = {row["step"]: (row["n"], row["of the step before"]) for row in ask("arb-monitoring", 18)}
    assert [n for n, _ in steps.values()] == [100, 90, 70, 10, 6, 1, 0, 1, 1]
    assert steps["with fresh books"][1] == pytest.approx(0.9)


def test_an_empty_funnel_claims_no_shares():
    assert {row["of the step before"] for row in ask("arb-monitoring", 18)} == {None}


def test_edges_beyond_the_scale_are_still_counted():
    for edge in (-12, 5, 149, 9000):
        find(edge_bps=edge, gross_edge_bps=edge)
    rows = {row["bps"]: row["net"] for row in ask("arb-monitoring", 16)}
    assert {bps: n for bps, n in rows.items() if n} == {"below 0": 1, "0 to 10": 1, "140 to 150": 1, "150+": 1}


def test_the_edge_decays_from_its_decision_on():
    one = find(edge_bps=20)
    for offset, left in ((100, 15), (1000, -3)):
        EdgeObservation.objects.create(**SCOPE, timestamp=NOW, opportunity_id=one.pk, offset_ms=offset, net_bps=left)
    assert [(row["after"], row["median"]) for row in ask("arb-monitoring", 17)] == [
        ("0 ms", 20),
        ("100 ms", 15),
        ("1000 ms", -3),
    ]


def test_lights_show_what_is_open_in_this_scope_alone():
    tripped = {"opened_at": NOW, "reason": "0.17 above 0.15"}
    Breaker.objects.create(**SCOPE, kind=BreakerKind.DRAWDOWN, state="open", cool_until=NOW, **tripped)
    Breaker.objects.create(**SCOPE, kind=BreakerKind.SLIPPAGE, state="half_open", **tripped)
    Breaker.objects.create(mode="live", kind=BreakerKind.WIN_RATE, state="open", cool_until=NOW, **tripped)
    (lights,) = ask("arb-monitoring", 7)
    assert {name: light for name, light in lights.items() if light} == {"drawdown": 2, "slippage": 1}
    assert len(lights) == len(BreakerKind)
    assert ask("arb-risk", 2) == [{"open": 1, "half open": 1}]
    assert ask("arb-risk", 6)[0]["reason"] == "0.17 above 0.15"


def test_a_breaker_that_opened_before_the_range_is_open_from_its_start():
    change = {"kind": BreakerKind.DRAWDOWN, "before": "closed", "after": "open", "actor": "system", "reason": "loss"}
    BreakerEvent.objects.create(**SCOPE, happened_at=NOW - timedelta(days=9), **change)
    (row,) = ask("arb-risk", 7)
    assert (row["time"], row["metric"], row["value"]) == (NOW - timedelta(days=1), "drawdown", 2)


def test_a_halted_gate_is_not_called_active():
    assert only("arb-monitoring", 6) == "active"
    Gate.objects.create(**SCOPE, state="halted", reason="a person said so", changed_at=NOW, actor="ada")
    assert only("arb-monitoring", 6) == "halted"


def test_drawdown_counts_from_when_its_breaker_last_closed():
    for hours, equity in ((9, 1000), (5, 800), (3, 900), (1, 810)):
        EquityMark.objects.create(**SCOPE, timestamp=NOW - timedelta(hours=hours), equity_usd=equity)
    assert only("arb-risk", 3) == Decimal("0.19")
    Breaker.objects.create(**SCOPE, kind=BreakerKind.DRAWDOWN, counts_from=NOW - timedelta(hours=4))
    assert only("arb-risk", 3) == Decimal("0.1")
    assert [row["drawdown"] for row in ask("arb-risk", 10)] == [0, Decimal("0.2"), Decimal("0.1"), Decimal("0.19")]


def test_the_peak_from_before_the_range_counts():
    for hours, equity in ((50, 1000), (1, 900)):
        EquityMark.objects.create(**SCOPE, timestamp=NOW - timedelta(hours=hours), equity_usd=equity)
    assert ask("arb-risk", 10)[-1]["drawdown"] == Decimal("0.1")
    assert [row["peak"] for row in ask("arb-risk", 9)] == [1000, 1000]


def test_what_is_under_way_counts_against_today_s_loss():
    Limit.objects.create(**SCOPE, kind="daily_loss_usd", value=100, changed_at=NOW, actor="environment")
    Reservation.objects.create(
        **SCOPE,
        opportunity_id=1,
        route_key="a",
        symbol="b",
        size=1,
        notional_usd=500,
        worst_loss_usd=40,
        created_at=NOW,
    )
    (row,) = ask("arb-risk", 11)
    assert (row["used"], row["share"]) == (40, pytest.approx(0.4))


def test_executions_that_miss_their_legs_are_counted_for_a_quarter_of_an_hour():
    for minutes, executed in ((20, True), (5, True), (4, False)):
        settle(0, 0, executed=executed, settled_at=datetime.now(UTC) - timedelta(minutes=minutes))
    (row,) = ask("arb-risk", 5)
    assert (row["not as planned"], row["ended"]) == (Decimal("0.5"), 2)


def test_a_queue_that_never_consumed_is_not_shown_as_fresh():
    just_now = datetime.now(UTC)
    Canary.objects.create(**SCOPE, queue="scan", sent_at=just_now, consumed_at=just_now)
    (ages,) = ask("arb-system", 2)
    assert ages["scan"] < 60
    assert {ages[queue] for queue in ("beat", "execution", "account", "ml")} == {7200}


def test_readings_that_stopped_are_told_by_their_age():
    Reading.objects.create(**SCOPE, timestamp=NOW - timedelta(hours=2), kind=ReadingKind.OUTBOX_AGE_S, value=0)
    Reading.objects.create(**SCOPE, timestamp=NOW - timedelta(hours=2), kind=ReadingKind.DATABASE_SIZE_BYTES, value=9)
    assert only("arb-system", 1) >= 7200
    assert ask("arb-system", 6) == [{"size": None, "sessions": None}]


def test_every_choice_of_mode_is_a_mode():
    for dashboard in read(Path(settings.ARB.checkout) / "grafana").dashboards:
        assert [set(one.choices) for one in dashboard.variables if one.name == "mode"] == [set(Mode)]
