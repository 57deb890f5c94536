"""A run that was broken off and goes on ends as one that never was: digest, counts, edges, watchers."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection

from domain.errors import BadInput, Refused, Unreachable
from domain.scope import Mode
from tests.recorded import write_candles
from tests.recorded_books import store, walk
from tests.sessions import end_session
from tests.trading.services.replay.interrupted import BreakingOff, Noting, broken_after, left_behind
from tests.trading.services.replay.test_replay import HIGH, LOW, OPTIONS
from trading.models import Run
from trading.services.replay import runs
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import new_scope, replay, resume
from trading.services.replay.source import open_source

LAST = 45  # minutes
RECORDED = ReplayOptions(recording="all", recorded_in=Mode.SIM)


def broken_off(source, options, *, after, watcher=None, chunk_s=0.0):
    """Replay until an instant and return the run that is left."""
    scope, watchers = new_scope(), [watcher or Noting()]
    with pytest.raises(BreakingOff):
        replay(source, options, scope=scope, wrap=broken_after(after), watchers=watchers, chunk_s=chunk_s)
    return scope.run_id


@pytest.fixture
def candles(tmp_path):
    """Two files with gaps that pay, gaps that are gone at once, minutes without trades, and a volatile stretch."""
    gaps = {number: HIGH if number % 7 < 4 else LOW for number in range(25) if number % 11}
    wild = {number: str(20_000 + (number % 5) * 300) for number in range(25, LAST)}
    flat = dict.fromkeys(range(LAST), LOW) | {number: str(20_000 + (number % 3) * 200) for number in range(30, LAST)}
    return [write_candles(tmp_path, "kraken", flat), write_candles(tmp_path, "binanceus", gaps | wild)]


@pytest.mark.django_db
def test_candles_go_on_from_any_minute_to_the_same_end(candles):
    watcher = Noting()
    whole = replay(candles, OPTIONS, watchers=[watcher])
    assert whole.summary.executions.keys() >= {"settled", "unwound"}
    for after in (0, 17, LAST - 1):
        run_id, going_on = broken_off(candles, OPTIONS, after=after), Noting()
        result = resume(run_id, watchers=[going_on])
        assert result.digest == whole.digest
        assert left_behind(run_id) == left_behind(whole.run_id)
        assert (result.summary, result.assumptions) == (whole.summary, whole.assumptions)
        assert going_on.instants == watcher.instants == LAST


@pytest.mark.django_db
def test_a_run_that_broke_off_behind_its_last_instant_is_only_closed(candles, monkeypatch):
    def no_time(*args):
        raise BreakingOff

    with monkeypatch.context() as patched:
        patched.setattr("trading.services.replay.run.summarise", no_time)
        run_id = broken_off(candles, OPTIONS, after=LAST)
    assert resume(run_id, watchers=[Noting()]).digest == replay(candles, OPTIONS).digest


@pytest.mark.django_db(transaction=True)
def test_recordings_go_on_from_any_book_to_the_same_end():
    books = walk(800, seed=3)
    store(books[:400])
    store(books[460:])
    whole = replay((), RECORDED)
    assert whole.summary.total.executions > 2
    for after in (1, 400, 560):
        run_id = broken_off((), RECORDED, after=after)
        result = resume(run_id, watchers=[Noting()])
        assert result.digest == whole.digest
        assert left_behind(run_id) == left_behind(whole.run_id)


@pytest.mark.django_db(transaction=True)
def test_a_market_that_went_silent_is_known_again_when_a_run_goes_on():
    store(walk(4_000, every_ms=25, silent=("a",)))
    whole = replay((), RECORDED)
    run_id = broken_off((), RECORDED, after=1_900, chunk_s=1e9)
    assert resume(run_id, watchers=[Noting()]).digest == whole.digest
    quiet = broken_off((), RECORDED, after=1_900)
    resume(quiet, watchers=[Noting()])
    assert left_behind(quiet)["looks"] == left_behind(whole.run_id)["looks"]
    assert {reason for *_, reason in left_behind(quiet)["looks"]} >= {"stale"}


@pytest.mark.django_db
def test_whole_chunks_alone_are_left_of_a_run_that_broke_off(candles):
    run_id = broken_off(candles, OPTIONS, after=25, chunk_s=1e9)
    kept = Run.objects.get(run_id=run_id)
    assert (kept.summary["state"], kept.checkpoint["state"], kept.last_instant) == ("broken off", None, None)
    assert left_behind(run_id)["looks"] == {}
    (line,) = runs.run_lines()
    assert (line.state, line.can_resume) == ("broken off", True)


@pytest.mark.django_db
def test_what_a_run_began_with_must_be_as_it_was(candles, settings):
    run_id = broken_off(candles, OPTIONS, after=25)
    ours = settings.ARB
    settings.ARB = replace(ours, trading=replace(ours.trading, leg_slippage_bps=Decimal(77)))
    with pytest.raises(BadInput, match=f"run {run_id} began with other settings for trading"):
        resume(run_id, watchers=[Noting()])
    settings.ARB = ours
    write_candles(candles[0].parent, "kraken", dict.fromkeys(range(LAST), LOW))
    with pytest.raises(BadInput, match=f"run {run_id} began with other data"):
        resume(run_id, watchers=[Noting()])


@pytest.mark.django_db
def test_a_run_that_is_complete_or_not_there_or_of_another_command_does_not_go_on(candles):
    done = replay(candles, OPTIONS).run_id
    with pytest.raises(BadInput, match=f"run {done} is complete"):
        resume(done)
    with pytest.raises(BadInput, match="there is no run 'nothing'"):
        resume("nothing")
    other = broken_off(candles, OPTIONS, after=10)
    Run.objects.filter(run_id=other).update(command="backtest")
    with pytest.raises(Refused, match=f"backtest --resume {other}"):
        resume(other)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_is_told_with_how_to_go_on(candles):
    whole, scope = replay(candles, OPTIONS), new_scope()
    other = connection.copy()

    def cut(done: int, total: int) -> None:
        end_session(connection.connection.info.backend_pid, by=other)

    with pytest.raises(Unreachable, match=f"the database went away: --resume {scope.run_id} goes on"):
        replay(candles, OPTIONS, scope=scope, progress=cut, chunk_s=0.0)
    other.close()
    connection.close()
    assert resume(scope.run_id).digest == whole.digest


def test_a_source_that_holds_nothing_of_the_span_is_named(candles):
    late = ReplayOptions(first=datetime(2023, 4, 1, tzinfo=UTC))
    with pytest.raises(BadInput, match="holds no minute from 2023-04-01 00:00 UTC: it holds 2023-03-11 00:00 to"):
        open_source(candles, late)
