"""A replay that is killed at random moments and goes on each time ends as one that nobody touched."""

import os
import signal
import time
from random import Random

import pytest
from django.db import connection

from domain.errors import BadInput
from domain.scope import Mode, Scope
from tests.recorded_books import store, walk
from tests.trading.services.replay.interrupted import left_behind
from tests.trading.services.replay.test_pools import TERMS as BESIDE_A_POOL
from tests.trading.services.replay.test_pools import walk as walk_beside_a_pool
from trading.models import Order, Run
from trading.services.replay import runs
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import new_scope, replay, resume

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = ReplayOptions(recording="all", recorded_in=Mode.SIM)
LONGEST_LIFE_S = 0.6
LONGER_EACH_TIME = 1.2  # so that a busy machine comes to the end, too
CHUNK_S = 0.02
MOST_KILLS = 40
PATIENCE_S = 60


def killed_at_random(scope: Scope, rng: Random, *, longest_s: float) -> None:
    """Begin or go on with a run in a process of its own until it is killed, or has ended by itself."""
    lives_s = rng.random() * longest_s
    connection.close()  # the child must not inherit our session
    child = os.fork()
    if not child:
        live_through(scope)
    until_s = time.monotonic() + lives_s
    while time.monotonic() < until_s and not os.waitpid(child, os.WNOHANG)[0]:
        time.sleep(0.005)
    if time.monotonic() >= until_s:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def live_through(scope: Scope) -> None:
    try:
        if Run.objects.in_scope(scope).exists():
            resume(scope.run_id, chunk_s=CHUNK_S)
        else:
            replay((), EVERY, scope=scope, chunk_s=CHUNK_S)
    finally:
        os._exit(0)  # the tests after this one are the parent's


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(2, 12))])
def test_a_run_that_is_killed_again_and_again_ends_with_the_digest_of_one_that_was_left_alone(seed):
    store(walk(600, seed=seed))
    end_alike_however_often_killed(seed)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(2, 12))])
def test_so_does_a_run_that_swaps_in_pools(seed):
    store(walk_beside_a_pool(600, seed=seed), told=BESIDE_A_POOL)
    scope = end_alike_however_often_killed(seed)
    assert Order.objects.in_scope(scope).filter(gas_quote__gt=0).exists()


def end_alike_however_often_killed(seed: int) -> Scope:
    """Replay what is stored untouched and under kills; return the scope of the killed run."""
    whole = replay((), EVERY)
    scope, rng, kills = new_scope(), Random(seed), 0
    while not Run.objects.in_scope(scope).exclude(digest="").exists():
        killed_at_random(scope, rng, longest_s=LONGEST_LIFE_S * LONGER_EACH_TIME**kills)
        kills += 1
        assert kills < MOST_KILLS
    print(f"seed {seed}: killed {kills - 1} times")
    assert Run.objects.in_scope(scope).get().digest == whole.digest
    assert left_behind(scope.run_id) == left_behind(whole.run_id)
    with pytest.raises(BadInput, match="is complete"):
        resume(scope.run_id)
    return scope


def test_a_killed_run_is_told_as_broken_off_and_a_living_one_as_under_way():
    store(walk(3_000))
    scope = new_scope()
    connection.close()
    child = os.fork()
    if not child:
        live_through(scope)
    while not Run.objects.in_scope(scope).exists():
        time.sleep(0.01)
    os.kill(child, signal.SIGSTOP)  # else it may be done before we look
    assert [line.state for line in runs.run_lines()] == ["under way"]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    until_s = time.monotonic() + PATIENCE_S
    while (line := runs.run_lines()[0]).state == "under way" and time.monotonic() < until_s:
        time.sleep(0.05)
    assert (line.state, line.can_resume) == ("broken off", True)
