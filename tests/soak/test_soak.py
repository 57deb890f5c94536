"""How a soak judges: what counts as growth, as an unhandled exception, as green; and that a seed repeats its faults."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random

import pytest

from arbsite.demo.errors import errors_in
from simulator.faults import FaultKind
from tests.e2e.running import CHECKOUT
from tests.soak.faults import deck
from tests.soak.memory import Life, growths
from tests.soak.report import lines_of
from tests.soak.running import Soak, Wound, is_echo
from tests.soak.watching import Seen

NAMES = ["beat", "stream", "web", "worker-execution"]
AT = datetime(2026, 3, 1, tzinfo=UTC)
MB = 1_000_000


def life(name: str, *sizes_mb: float, pid: int = 1) -> Life:
    """A life with one sample every 10 s."""
    return Life(name, pid, [(10.0 * number, int(size * MB)) for number, size in enumerate(sizes_mb)])


def line(**fields) -> str:
    return json.dumps({"timestamp": AT.isoformat(), "level": "error", "event": "uncaught"} | fields)


def soak_of(*wounds: Wound, troubles=()) -> Soak:
    return Soak(1, 1, wounds=list(wounds), troubles=list(troubles), open_at_end=0, reconciled=(0, {}), ended=(130, []))


def wound(*, green_after_s: float | None = 3.0, is_outage: bool = True) -> Wound:
    return Wound("Redis: killed", 0.0, AT, is_outage, ended_at=AT, green_after_s=green_after_s)


def kept(soak: Soak, seen: Seen) -> dict[str, bool]:
    return {line.promise: line.is_kept for line in lines_of(soak, seen, settle_s=20)}


def sound_seen() -> Seen:
    return Seen(executions=[(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)], lives={1: life("web", *[50] * 20)})


def test_memory_that_grows_after_it_settled_is_told_and_before_is_not():
    early, late = life("web", 10, 30, *[50] * 18), life("beat", *[50] * 12, *[56] * 8, pid=2)
    by_name = {one.name: one for one in growths([early, late], settle_s=20)}
    assert (by_name["web"].within_life, by_name["web"].is_bounded) == (0, True)
    assert by_name["beat"].within_life == pytest.approx(0.12)
    assert not by_name["beat"].is_bounded


def test_lives_of_one_process_are_compared_at_the_same_age():
    (found,) = growths([life("web", *[50] * 6), life("web", *[60] * 6, pid=2)], settle_s=20)
    assert found.between_lives == pytest.approx(0.2)
    assert not found.is_bounded


def test_a_life_too_short_to_settle_is_not_judged_and_the_node_is_not_ours():
    assert growths([life("web", 10, 20)], settle_s=60) == []
    (node,) = growths([life("simulator's child", *range(10, 40))], settle_s=20)
    assert node.is_bounded


def test_a_seed_repeats_its_faults_and_each_comes_before_any_comes_again():
    drawn = [[fault.name for fault in islice(deck(NAMES, Random(seed)), 80)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    size = len(set(drawn[0]) - {name for name in drawn[0] if name.startswith(("kraken", "alpaca"))}) + len(FaultKind)
    assert len(set(drawn[0][:size])) == size


def test_an_exception_during_an_outage_that_speaks_of_it_is_an_echo_and_any_other_is_not():
    outage = wound()
    told = [
        line(exception="Traceback\nredis.exceptions.ConnectionError: Error 111 connecting"),
        line(exception="Traceback\nKeyError: 'x'"),
        line(event="order_refused"),
        line(level="warning", exception="Traceback\nKeyError: 'y'"),
        "Traceback (most recent call last):",
        '  File "x", line 1',
        "ValueError: printed by nobody",
    ]
    troubles = list(errors_in(told, process="stream"))
    assert [one.is_exception for one in troubles] == [True, True, False, True]
    assert [one.text.split(": ")[-1] for one in soak_of(outage, troubles=troubles).unexplained()] == [
        "'x'",
        "printed by nobody",
    ]
    calm = soak_of(wound(is_outage=False), troubles=troubles[:1])
    assert len(calm.unexplained()) == 1


def test_an_echo_long_after_green_is_an_exception():
    (late,) = errors_in([line(exception="Traceback\nConnectionError: redis")], process="web")
    assert not is_echo(late, [(AT - timedelta(seconds=60), AT - timedelta(seconds=30))])


def test_every_promise_is_kept_by_a_sound_soak():
    assert all(kept(soak_of(wound()), sound_seen()).values())


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        ({"wounds": [wound(green_after_s=None)]}, "canaries green again after each fault"),
        ({"reconciled": (3, {})}, "reconciliation clean"),
        ({"open_at_end": 1}, "reconciliation clean"),
        ({"ended": (130, ["python manage.py stream"])}, "ended when asked"),
    ],
)
def test_a_promise_that_was_broken_is_named(broken, promise):
    soak = soak_of(wound())
    for name, value in broken.items():
        setattr(soak, name, value)
    assert [name for name, is_kept in kept(soak, sound_seen()).items() if not is_kept] == [promise]


def test_a_queue_that_grows_and_a_third_without_trades_or_a_breaker_are_told():
    seen = sound_seen()
    seen.deepest.update({"scan": 51})
    seen.executions = [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 2)]
    assert [name for name, is_kept in kept(soak_of(wound()), seen).items() if not is_kept] == [
        "queues bounded",
        "it trades, or a breaker says why not",
    ]


def test_a_breaker_that_opened_explains_a_third_without_trades_but_not_a_soak_without_any():
    soak, seen = soak_of(wound()), sound_seen()
    soak.trips = ["20:51:59 slippage open: slippage is 5.91, threshold 2.5"]
    seen.executions = [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 2)]
    assert all(kept(soak, seen).values())
    seen.executions = [(0, 0), (1, 0), (2, 0)]
    assert [name for name, is_kept in kept(soak, seen).items() if not is_kept] == [
        "it trades, or a breaker says why not"
    ]


def test_it_starts_without_any_settings():
    asked = subprocess.run([sys.executable, "-m", "tests.soak", "--help"], cwd=CHECKOUT, capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
