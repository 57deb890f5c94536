"""A replay from files to rows: what becomes an opportunity, what fills, what is written down, what is the same twice."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.costs import FeeSchedule
from domain.errors import BadInput
from mlops.models import Sample
from tests.recorded import minute, row, write_candles, write_lines
from trading.models import (
    EdgeObservation,
    EvaluationCount,
    Execution,
    FillObservation,
    OfferedEdge,
    OpenEpisode,
    Opportunity,
    Order,
    Run,
)
from trading.services.candles import MalformedFileError
from trading.services.replay import driver
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import replay

CHEAP = {venue: FeeSchedule(Decimal(5), Decimal(5), source="scenario") for venue in ("kraken", "binanceus")}
OPTIONS = ReplayOptions(fees=CHEAP)
LOW, HIGH = "20000", "20200"  # 100 bps apart

pytestmark = pytest.mark.django_db


def run(folder, kraken, binanceus, options=OPTIONS, *, pair="BTC-USDC"):
    """Replay two little files; cheap on Kraken means that the route buys there."""
    files = [write_candles(folder, "kraken", kraken), write_candles(folder, "binanceus", binanceus, pair=pair)]
    return replay(files, options)


def rows_of(model, result):
    return model.objects.filter(mode="replay", run_id=result.run_id)


def test_a_gap_that_pays_is_one_opportunity_filled_in_the_next_minute(tmp_path):
    result = run(tmp_path, {0: LOW, 1: LOW, 2: HIGH}, {0: HIGH, 1: HIGH, 2: HIGH})
    assert result.summary.total.opportunities == 1
    assert result.summary.executions == {"settled": 1}
    observed = rows_of(FillObservation, result).order_by("venue").first()
    assert observed.due_at.timestamp() == pytest.approx(minute(1) - 0.001 + 0.25)
    assert observed.observed_at.timestamp() == pytest.approx(minute(2) - 0.001)
    assert observed.book["seen_at_ns"] == minute(1) * 10**9


def test_a_gap_that_nearly_pays_is_one_sample_labelled_by_the_next_minute(tmp_path):
    near, gone = "20018", "20000"  # 9 bps apart, 7 of them after the assumed spread, before fees of 10
    result = run(tmp_path, {0: LOW, 1: LOW, 2: LOW, 3: LOW}, {0: near, 1: near, 2: gone, 3: gone})
    sample = rows_of(Sample, result).get()
    assert result.summary.total.opportunities == 0
    assert (sample.kind, sample.resolution_s, sample.scores) == ("near_miss", 60, {"abstained": "no_model"})
    assert -10 < sample.net_bps < 0
    assert sample.edge_at_latency_bps == pytest.approx(sample.net_bps, abs=0.1)
    assert (sample.known_at - sample.timestamp).total_seconds() == 60


def test_a_fill_never_uses_the_minute_of_its_decision(tmp_path):
    same = run(tmp_path, {0: LOW, 1: LOW}, {0: HIGH, 1: HIGH})
    gone = run(tmp_path, {0: LOW, 1: LOW}, {0: HIGH, 1: LOW})
    assert same.summary.total.pnl_usd > 0
    assert gone.summary.total.pnl_usd <= 0
    assert gone.summary.executions == {"unwound": 1} or gone.summary.executions == {"needs_person": 1}


def test_a_fill_pays_the_worse_of_the_close_before_and_the_next_open(tmp_path):
    result = run(tmp_path, {0: LOW, 1: ("20010", "19000")}, {0: HIGH, 1: ("20190", "25000")})
    prices = dict(rows_of(Order, result).values_list("side", "fills__price"))
    assert prices["buy"] == Decimal("20012.01")  # 20010 and half of 2 bps, up to the tick
    assert prices["sell"] == Decimal("20187.98")  # 20190 less 1 bp


def test_a_missing_next_minute_is_not_observed_and_fills_nothing(tmp_path):
    result = run(tmp_path, {0: LOW, 3: HIGH}, {0: HIGH, 3: HIGH})
    assert result.summary.executions == {"settled": 1}
    assert set(rows_of(Order, result).values_list("state", "reason")) == {("refused", "not_observed")}
    assert result.summary.refused["execution"] == {"kraken: not_observed": 1}
    assert result.summary.total.pnl_usd == 0


def test_a_latency_of_more_than_a_minute_takes_the_minute_after(tmp_path):
    slow = ReplayOptions(fees=CHEAP, latency_ms=60_001)
    result = run(tmp_path, {0: LOW, 1: LOW, 2: "20001"}, {0: HIGH, 1: HIGH, 2: HIGH}, slow)
    buy = rows_of(FillObservation, result).get(venue="kraken")
    assert buy.book["seen_at_ns"] == minute(2) * 10**9


@pytest.mark.parametrize("latency_ms", [0, 250, 60_000])
def test_a_latency_of_up_to_a_minute_takes_the_next_minute(tmp_path, latency_ms):
    options = ReplayOptions(fees=CHEAP, latency_ms=latency_ms)
    result = run(tmp_path, {0: LOW, 1: LOW, 2: LOW}, {0: HIGH, 1: HIGH, 2: HIGH}, options)
    seen = {row.book["seen_at_ns"] for row in rows_of(FillObservation, result)}
    assert seen == {minute(1) * 10**9}


def test_an_episode_counts_once_and_ends_after_one_minute_below(tmp_path):
    gap = dict.fromkeys(range(6), HIGH) | {3: LOW}
    result = run(tmp_path, dict.fromkeys(range(6), LOW), gap)
    assert result.summary.total.opportunities == 2
    first = rows_of(Opportunity, result).order_by("timestamp").first()
    assert first.closed_at.timestamp() == pytest.approx(minute(3) - 0.001)
    assert not rows_of(OpenEpisode, result).exists()


def test_a_minute_without_volume_has_no_book_and_ends_an_episode(tmp_path):
    kraken = write_candles(tmp_path, "kraken", dict.fromkeys(range(3), LOW))
    lines = [row(0, HIGH), row(1, HIGH, volume="0.0"), row(2, HIGH)]
    binanceus = write_lines(tmp_path / "binanceus_BTC-USDC_1m.csv", lines)
    result = replay([kraken, binanceus], OPTIONS)
    assert result.summary.total.opportunities == 2
    assert result.summary.refused["fresh"] == {"no_book": 2}


@pytest.mark.parametrize("pair", ["BTC-USD", "BTC-USDT"])
def test_dollars_of_another_kind_never_net(tmp_path, pair):
    minutes = range(30)
    result = run(tmp_path, dict.fromkeys(minutes, LOW), dict.fromkeys(minutes, HIGH), pair=pair)
    assert result.summary.total.opportunities == 0
    assert result.summary.refused_by_reason == {"no_conversion": 60}


def test_each_route_is_looked_at_once_a_minute(tmp_path):
    result = run(tmp_path, {0: LOW, 1: LOW}, {0: LOW, 1: LOW})
    looks = sum(rows_of(EvaluationCount, result).values_list("count", flat=True))
    assert looks == 2 * 2


def test_samples_made_on_candles_say_so(tmp_path):
    result = run(tmp_path, {0: LOW, 1: LOW}, {0: HIGH, 1: HIGH})
    assert {sample.resolution_s for sample in rows_of(Sample, result)} == {60}
    assert {row.resolution_s for row in rows_of(Opportunity, result)} == {60}


def test_the_dated_fees_decide_what_pays(tmp_path):
    below, above = (dict.fromkeys(range(2), price) for price in ("20120", "20150"))  # 60 and 75 bps
    flat = dict.fromkeys(range(2), LOW)
    assert run(tmp_path, flat, below, ReplayOptions()).summary.total.opportunities == 0
    assert run(tmp_path, flat, above, ReplayOptions()).summary.total.opportunities == 1


def test_every_day_of_the_data_is_listed_with_zeros(tmp_path):
    last = 24 * 60 * 2
    result = run(tmp_path, {0: LOW, last: LOW}, {0: LOW, last: LOW})
    per_day = result.as_json()["per_day"]
    assert list(per_day) == ["2023-03-11", "2023-03-12", "2023-03-13"]
    assert per_day["2023-03-12"] == {"opportunities": 0, "executions": 0, "pnl_usd": 0.0, "pnl_usd_exact": "0"}


def test_the_digest_is_the_same_twice_and_differs_with_what_happened(tmp_path):
    quotes = ({0: LOW, 1: LOW}, {0: HIGH, 1: HIGH})
    first, second = run(tmp_path, *quotes), run(tmp_path, *quotes)
    assert first.digest == second.digest
    assert first.run_id != second.run_id
    assert run(tmp_path, quotes[0], {0: HIGH, 1: "20199"}).digest != first.digest


def test_the_run_is_kept_with_its_settings_its_digest_and_its_last_instant(tmp_path):
    result = run(tmp_path, {0: LOW, 1: LOW}, {0: HIGH, 1: HIGH})
    kept = rows_of(Run, result).get()
    assert kept.digest == result.digest
    assert kept.settings["fees"]["kraken"]["taker_bps"] == "5"
    assert kept.summary["state"] == "complete"
    assert kept.ended_at is not None
    assert kept.last_instant.timestamp() == pytest.approx(minute(2) - 0.001)


def test_losses_in_a_row_trip_a_breaker_that_cools_down_in_recorded_time(tmp_path):
    # Every second minute a gap appears that is gone in the next, so that one leg is left over and sold at a loss.
    swings = {number: HIGH if number % 4 == 0 else LOW for number in range(120)}
    result = run(tmp_path, dict.fromkeys(range(120), LOW), swings)
    tripped = {reason for reason in result.summary.refused.get("admission", {}) if reason.startswith("breaker_")}
    assert tripped
    assert sum(result.summary.breakers.values()) >= 2  # tripped, cooled down, and tripped again by a probe
    assert result.summary.total.executions < result.summary.total.opportunities


def test_nothing_is_left_running_when_the_recording_ends_in_the_middle(tmp_path):
    result = run(tmp_path, {0: LOW}, {0: HIGH})
    assert rows_of(Execution, result).get().settled_at is not None
    assert not rows_of(OpenEpisode, result).exists()


@pytest.mark.parametrize("broken", ["1678492920,NaN,1,1,1,1", "1678492800,1,1,1,1,1", "nonsense"])
def test_a_malformed_file_writes_nothing_at_all(tmp_path, broken):
    good = write_candles(tmp_path, "kraken", {0: LOW, 1: LOW})
    bad = write_lines(tmp_path / "binanceus_BTC-USDC_1m.csv", [row(0, HIGH), row(1, HIGH), broken])
    with pytest.raises(MalformedFileError, match="line 4"):
        replay([good, bad], OPTIONS)
    assert not any(model.objects.filter(mode="replay").exists() for model in (Run, Opportunity, EvaluationCount))


def test_a_run_that_breaks_off_is_marked(tmp_path):
    files = [write_candles(tmp_path, venue, {0: LOW, 1: LOW}) for venue in ("kraken", "binanceus")]

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(files, OPTIONS, progress=interrupt)
    kept = Run.objects.get(mode="replay")
    assert (kept.summary["state"], kept.ended_at, kept.digest) == ("broken off", None, "")


def test_what_cannot_be_compared_is_refused(tmp_path):
    kraken = write_candles(tmp_path, "kraken", {0: LOW})
    (tmp_path / "again").mkdir()
    again = write_candles(tmp_path / "again", "kraken", {0: LOW})
    other = write_candles(tmp_path, "kraken", {0: LOW}, pair="ETH-USDC")
    cases = {"one file": [kraken], "are both of": [kraken, again], "nothing to compare": [kraken, other]}
    for said, files in cases.items():
        with pytest.raises(BadInput, match=said):
            replay(files, ReplayOptions())


def test_a_span_lives_through_its_minutes_alone(tmp_path):
    files = [
        write_candles(tmp_path, venue, dict.fromkeys(range(10), price))
        for venue, price in (("kraken", LOW), ("binanceus", HIGH))
    ]
    first, last = (datetime.fromtimestamp(minute(number), UTC) for number in (2, 5))
    told: list[tuple[int, int]] = []
    result = replay(files, replace(OPTIONS, first=first, last=last), progress=lambda *done: told.append(done))
    assert told == [(3, 3)]
    assert rows_of(Opportunity, result).get().timestamp.timestamp() == pytest.approx(minute(3) - 0.001)
    assert (result.assumptions["from"], result.assumptions["before"]) == (first.isoformat(), last.isoformat())
    assert [file["minutes_traded"] for file in result.assumptions["data"]] == [3, 3]


def test_edges_are_looked_at_again_for_twenty_minutes(tmp_path):
    gaps = dict.fromkeys(range(25), HIGH) | dict.fromkeys(range(4, 12), "20120") | {20: LOW}
    result = run(tmp_path, dict.fromkeys(range(25), LOW), {number: gaps[number] for number in range(25) if number != 2})
    first = rows_of(Opportunity, result).order_by("timestamp").first()
    curve = rows_of(EdgeObservation, result).filter(opportunity_id=first.pk).order_by("offset_ms")
    left = {row.offset_ms // 60_000: row.net_bps for row in curve}
    assert list(left) == [1, 2, 5, 10, 20]
    assert left[1] == first.edge_bps
    assert left[2] is None  # no candle, no figure
    assert first.edge_bps > left[5] == left[10] > 0
    assert left[20] == 0
    sample = Sample.objects.get(opportunity_id=first.pk)
    assert sample.edge_at_latency_bps == pytest.approx(float(left[1]))


def test_what_candles_offered_is_counted_every_minute(tmp_path):
    result = run(tmp_path, dict.fromkeys(range(4), LOW), {0: HIGH, 1: HIGH, 3: HIGH})
    assert sum(rows_of(OfferedEdge, result).values_list("count", flat=True)) == 2 * 3


def test_a_quote_without_a_dollar_rate_is_named(tmp_path):
    files = [write_candles(tmp_path, venue, {0: LOW}, pair="BTC-CHF") for venue in ("kraken", "binanceus")]
    with pytest.raises(BadInput, match="CHF"):
        replay(files, OPTIONS)


def test_the_virtual_clock_never_goes_back():
    clock = driver.VirtualClock()
    clock.set(5)
    with pytest.raises(AssertionError):
        clock.set(4)


def test_progress_counts_every_minute(tmp_path):
    files = [write_candles(tmp_path, venue, {0: LOW, 130: LOW}) for venue in ("kraken", "binanceus")]
    told: list[tuple[int, int]] = []
    replay(files, OPTIONS, progress=lambda done, total: told.append((done, total)))
    assert told == [(60, 131), (120, 131), (131, 131)]
