"""A backtest from its files to its saved report: it adds up whatever the prices did, and a broken-off one goes on."""

import random
from decimal import Decimal
from typing import Any

import pytest

from domain.costs import FeeSchedule
from domain.errors import BadInput
from domain.money import exact_sum
from domain.scope import Mode, Scope
from tests.recorded import write_candles
from tests.trading.services.replay.interrupted import BreakingOff, broken_after
from trading.models import BacktestReport, Balance, MarketSnapshot, Run
from trading.services.backtest.figures import Report
from trading.services.backtest.run import Capital, backtest, report_named, reports, resume_backtest
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import new_scope, replay
from trading.services.replay.runs import delete_run, run_lines

pytestmark = pytest.mark.django_db

CHEAP = {venue: FeeSchedule(Decimal(5), Decimal(5), source="scenario") for venue in ("kraken", "binanceus")}
OPTIONS = ReplayOptions(fees=CHEAP)
LOW, HIGH = "20000", "20200"  # 100 bps apart
SMALL = Capital(Decimal(4_000))


def gap(folder, minutes: int = 18):
    """Return files in which coins are cheaper on Kraken four minutes of six."""
    dear = {number: HIGH if number % 6 < 4 else LOW for number in range(minutes)}
    return [
        write_candles(folder, "kraken", dict.fromkeys(range(minutes), LOW)),
        write_candles(folder, "binanceus", dear),
    ]


def wild(folder, seed: int):
    """Return files of prices that jump about, apart by more than fees and sometimes not traded at all."""
    draw = random.Random(seed)
    files = []
    for venue in ("kraken", "binanceus", "alpaca"):
        prices, price = {}, 20_000.0
        for number in range(20):
            price *= 1 + draw.gauss(0, 0.004)
            if draw.random() > 0.1:
                prices[number] = (f"{price:.2f}", f"{price * (1 + draw.gauss(0, 0.002)):.2f}")
        files.append(write_candles(folder, venue, prices))
    return files


def assert_adds_up(report: Report) -> None:
    """Check every sum of a report to the last digit."""
    assert report.remainder_usd == 0
    assert report.change_usd == exact_sum((report.executed_usd, report.hold_usd, report.inventory_usd))
    lines = report.inventory
    assert report.inventory_usd == exact_sum((lines.moved_usd, lines.open_usd, lines.dust_usd))
    assert lines.dust_usd >= 0
    assert report.start_usd == exact_sum(place.start_usd for place in report.places)
    assert report.end_usd == exact_sum(place.end_usd for place in report.places)
    for name in ("executed", "hold", "inventory", "change"):
        assert exact_sum(getattr(day, f"{name}_usd") for day in report.days) == getattr(report, f"{name}_usd")
    assert report.executed_usd == exact_sum(route.costs.net_usd for route in report.routes)


@pytest.mark.parametrize(("seed", "is_limit"), [(0, True), (1, True), (2, False), (3, False)])
def test_the_parts_add_up_whatever_the_prices_did(tmp_path, seed, is_limit):
    report = backtest(wild(tmp_path, seed), OPTIONS, Capital(Decimal(4_000), is_limit))
    assert sum(route.fills.executions for route in report.routes) > 2
    assert_adds_up(report)


def test_a_trade_earns_its_edge_and_leaves_the_coins_at_the_cheaper_venue(tmp_path):
    report = backtest(gap(tmp_path), OPTIONS, Capital(Decimal(20_000)))
    (route,) = report.routes
    assert route.route == "kraken:BTC/USDC>binanceus:BTC/USDC"
    assert (route.fills.executions, route.fills.whole) == (3, 3)
    assert report.executed_usd == route.costs.net_usd != 0
    moved = {(place.venue, place.asset): place.end - place.start for place in report.places}
    assert moved["kraken", "BTC"] == -moved["binanceus", "BTC"] > 0
    assert report.found[0].net_bps == pytest.approx(route.edges.net_most_bps, abs=60)
    assert_adds_up(report)


def test_a_venue_that_ran_dry_trades_no_more(tmp_path):
    files = gap(tmp_path)
    limited = backtest(files, OPTIONS, Capital(Decimal(2_000)))
    free = backtest(files, OPTIONS, Capital(Decimal(2_000), is_limit=False))
    assert limited.refused["size"]["no_inventory"] == limited.routes[0].short_looks > 0
    assert min(place.lowest for place in limited.places) >= 0
    assert min(place.lowest for place in free.places) < 0
    assert free.routes[0].fills.turnover_usd > limited.routes[0].fills.turnover_usd


def test_without_a_limit_the_trades_are_those_of_a_plain_replay(tmp_path):
    files = gap(tmp_path)
    assert backtest(files, OPTIONS, Capital(Decimal(50), is_limit=False)).digest == replay(files, OPTIONS).digest


def test_a_run_in_which_nothing_paid_is_a_report_of_holding(tmp_path):
    falling = {number: str(20_000 - 100 * number) for number in range(10)}
    files = [write_candles(tmp_path, venue, falling) for venue in ("kraken", "binanceus")]
    report = backtest(files, OPTIONS, Capital(Decimal(10_000)))
    assert (report.routes, report.executed_usd, report.inventory_usd) == ((), 0, 0)
    assert report.falls.coins.share == Decimal("0.045")
    assert report.falls.equity.usd == report.falls.hold.usd == -report.hold_usd
    assert report.falls.executed.peak_at is None
    assert_adds_up(report)


def test_the_report_is_kept_and_read_back_digit_for_digit(tmp_path):
    report = backtest(gap(tmp_path), OPTIONS, SMALL)
    assert report_named(report.run_id) == report
    assert reports() == [report]
    run = Run.objects.get(run_id=report.run_id)
    assert (run.command, run.settings["capital_usd"], run.settings["is_limited"]) == ("backtest", "4000", True)


def test_a_report_that_is_not_there_is_named_with_those_that_are(tmp_path):
    with pytest.raises(BadInput, match="no report of run 'nothing': the newest are none yet"):
        report_named("nothing")
    report = backtest(gap(tmp_path), OPTIONS, SMALL)
    with pytest.raises(BadInput, match=f"the newest are {report.run_id}"):
        report_named("nothing")


def without_ids(report: Report) -> dict[str, Any]:
    """Return what a report says beside its own names and those of its executions."""
    told = report.as_json()
    trips = [(trip["at"], trip["kind"]) for trip in told["first_trips"]]
    return told | {"run_id": "", "created_at": "", "first_trips": trips}


def test_a_backtest_that_was_broken_off_goes_on_to_the_same_report(tmp_path):
    files, scope = wild(tmp_path, 1), new_scope()
    whole = backtest(files, OPTIONS, SMALL)
    with pytest.raises(BreakingOff):
        backtest(files, OPTIONS, SMALL, scope=scope, wrap=broken_after(9), chunk_s=0)
    assert not BacktestReport.objects.filter(run_id=scope.run_id).exists()
    assert Run.objects.get(run_id=scope.run_id).checkpoint["state"] is not None
    assert without_ids(resume_backtest(scope.run_id)) == without_ids(whole)
    snapshots = (MarketSnapshot.objects.filter(run_id=run_id).count() for run_id in (scope.run_id, whole.run_id))
    assert len(set(snapshots)) == 1


def test_a_report_that_was_not_kept_leaves_a_run_that_goes_on_to_it(tmp_path, monkeypatch):
    def no_time(*args, **kwargs):
        raise BreakingOff

    files, scope = wild(tmp_path, 1), new_scope()
    whole = backtest(files, OPTIONS, SMALL)
    with monkeypatch.context() as patched:
        patched.setattr("trading.services.backtest.run.report_of", no_time)
        with pytest.raises(BreakingOff):
            backtest(files, OPTIONS, SMALL, scope=scope, chunk_s=0)  # every instant is behind the last checkpoint
    assert [line.can_resume for line in run_lines() if line.run_id == scope.run_id] == [True]
    assert without_ids(resume_backtest(scope.run_id)) == without_ids(whole)
    snapshots = (MarketSnapshot.objects.filter(run_id=run_id).count() for run_id in (scope.run_id, whole.run_id))
    assert len(set(snapshots)) == 1


def test_a_plain_replay_is_not_gone_on_with_as_a_backtest(tmp_path):
    run_id = replay(gap(tmp_path), OPTIONS).run_id
    with pytest.raises(BadInput, match=f"run {run_id} is no backtest: say replay --resume"):
        resume_backtest(run_id)


def test_a_deleted_run_takes_its_report_and_its_capital_along(tmp_path):
    report = backtest(gap(tmp_path), OPTIONS, SMALL)
    delete_run(report.run_id, actor="me", reason="tidying up")
    assert not BacktestReport.objects.exists()
    assert not Balance.objects.in_scope(Scope(Mode.REPLAY, report.run_id)).exists()


@pytest.mark.parametrize("usd", ["0", "-1", "NaN", "1e13"])
def test_capital_is_a_positive_amount(usd):
    with pytest.raises(BadInput, match="a capital of"):
        Capital(Decimal(usd))
