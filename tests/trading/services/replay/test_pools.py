"""A recording that holds a pool: decided again, settled again as by workers, taken up again in the middle of a block."""

from dataclasses import replace
from random import Random

import pytest

from domain.execution import EXECUTION_TERMINAL
from domain.scope import Mode
from domain.timestamps import NS_PER_S
from tests.fakes import ETH_USDC, MS, NOW_NS, POOL_VENUE, SIM, FixedClock, book, no_model, pool, pool_config
from tests.recorded_books import store
from tests.trading.services.replay.interrupted import Noting, left_behind
from tests.trading.services.replay.test_recorded import LateWorker, decided, looks, settled
from tests.trading.services.replay.test_resume import broken_off
from tests.trading.services.stream.test_engine import InlineWriter, NoCache
from trading.marketdata.view import BookView
from trading.models import Execution, FillObservation, Order, Run
from trading.services.recording.pages import Seen
from trading.services.recording.terms import Terms
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import replay, resume
from trading.services.stream.engine import Engine, Parts

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = ReplayOptions(recording="all", recorded_in=Mode.SIM)
TERMS = Terms(pool_config(), 1_000, 250, {"a": "kraken", POOL_VENUE: POOL_VENUE})


def walk(count: int, *, seed: int, every_ms: int = 50, block_ms: int = 1_000) -> list[Seen]:
    """Return what a feed and a node tell: the book at every step, the pool confirmed now and then, a block a second.

    The pool runs away from the book for some blocks at a time, and now and then comes back within one.
    """
    rng, seen, price, ahead, block = Random(seed), [], 2_000.0, 0.0, 100
    state = pool(price="2000", block=block)
    for number in range(count):
        at_ns = NOW_NS + number * every_ms * MS
        price += rng.gauss(0, 0.05)
        middle = round(price, 2)
        bid, ask = f"{middle - 0.5:.2f}", f"{middle + 0.5:.2f}"
        seen.append(Seen(at_ns, book("a", bid, ask, quantity="20", pair=ETH_USDC, at_ns=at_ns, seq=2 * number + 1)))
        if number * every_ms // block_ms + 100 > block:
            block += 1
            if rng.random() < 0.4:
                ahead = 0.0 if ahead else rng.choice((-45.0, 45.0))
            gas = rng.randint(1, 3) * 10**9
            state = pool(price=f"{price + ahead:.2f}", block=block, gas_price_wei=gas)
        if number % 5 == 0:
            at_ns += 20 * MS
            told = replace(state, venue_at_ns=at_ns, seen_at_ns=at_ns, seq=2 * number + 2)
            seen.append(Seen(at_ns, told))
    return seen


def engine_on(clock, dispatch):
    """Return the stream's engine; what it writes is written at once."""
    config = TERMS.config
    return Engine(
        Parts(
            scope=SIM,
            clock=clock,
            view=BookView(tuple(config.lots), origins=TERMS.adapters, pools=config.gas),
            cache=NoCache(),
            writer=InlineWriter(),
            dispatch=dispatch,
            score=no_model,
            config=config,
            linger_ns=TERMS.linger_ms * MS,
        )
    )


def trade(states, *, late_ms):
    """Let the stream see the states while a worker trades on what it decides; then blocks go on until all has ended."""
    clock = FixedClock(states[0].at_ns)
    worker = LateWorker(clock, TERMS, late_ms)
    engine = engine_on(clock, worker.dispatch)
    for seen in states:
        clock.at_ns = seen.at_ns
        engine.on_book(seen.book)
        worker.work(engine)
    for _ in range(4_000):
        if not Execution.objects.in_scope(SIM).exclude(state__in=EXECUTION_TERMINAL).exists():
            break
        clock.advance(50)
        engine.tick()
        worker.work(engine)


def swaps(scope):
    """What each swap took of the chain, digit for digit."""
    rows = Order.objects.in_scope(scope).filter(venue=POOL_VENUE).order_by("execution__decided_at", "leg", "attempt")
    return list(rows.values_list("execution__decided_at", "side", "state", "reason", "gas_amount", "gas_quote"))


@pytest.mark.parametrize("late_ms", [0, 900])
def test_workers_and_replay_settle_the_same_swaps_however_late_they_come(late_ms):
    states = walk(900, seed=3)
    trade(states, late_ms=late_ms)
    store(states, told=TERMS)
    scope = Run.objects.get(run_id=replay((), EVERY).run_id).scope
    assert decided(scope) == decided(SIM)
    assert settled(SIM) == settled(scope)
    assert swaps(SIM) == swaps(scope)
    ends = {state for _, _, state, _, _ in settled(scope)[0]}
    assert ends >= {"settled", "unwound"}
    assert {reason for *_, reason, _, _ in swaps(scope)} >= {"", "reverted"}
    assert {side for _, side, *_ in swaps(scope)} == {"buy", "sell"}


def test_a_recording_of_pools_replays_to_the_same_digest_and_the_same_looks():
    store(walk(600, seed=5), told=TERMS)
    first, again = replay((), EVERY), replay((), EVERY)
    assert first.digest == again.digest
    assert first.assumptions["gas"][POOL_VENUE]["units"] == 150_000
    assert "next block" in first.assumptions["swap"]
    scopes = [Run.objects.get(run_id=run.run_id).scope for run in (first, again)]
    assert looks(scopes[0]) == looks(scopes[1])
    assert first.summary.total.executions > 2


def test_a_run_goes_on_from_the_middle_of_a_block_that_a_swap_waits_for():
    store(walk(600, seed=5, block_ms=14_000), told=TERMS)
    whole = replay((), EVERY)
    assert whole.summary.total.executions > 0
    waiting = FillObservation.objects.filter(run_id=whole.run_id, venue=POOL_VENUE, observed_at__isnull=False)
    assert waiting.exists()
    for after in (200, 330, 480):
        run_id = broken_off((), EVERY, after=after)
        assert resume(run_id, watchers=[Noting()]).digest == whole.digest
        assert left_behind(run_id) == left_behind(whole.run_id)


def test_a_swap_meets_the_first_block_after_its_delay_and_no_earlier_state():
    states = walk(600, seed=5)
    store(states, told=TERMS)
    scope = Run.objects.get(run_id=replay((), EVERY).run_id).scope
    met = FillObservation.objects.in_scope(scope).filter(venue=POOL_VENUE, order__role="open", book__isnull=False)
    assert met.exists()
    for row in met.select_related("order__execution__opportunity"):
        decided_ns = int(row.order.execution.decided_at.timestamp() * 1_000) * MS
        due_ns = decided_ns + 250 * MS
        blocks = [(one.at_ns, one.book.block) for one in states if one.book.venue == POOL_VENUE]
        known = max(block for at_ns, block in blocks if at_ns <= due_ns)
        assert row.book["block"] == known + 1
        assert row.book["seen_at_ns"] > due_ns - NS_PER_S


def test_a_swap_at_the_end_of_a_recording_without_a_further_block_is_given_up():
    states = walk(200, seed=5, block_ms=10**9)
    store([seen._replace(book=_dear(seen.book)) for seen in states], told=TERMS)
    scope = Run.objects.get(run_id=replay((), EVERY).run_id).scope
    assert {reason for *_, reason, _, _ in swaps(scope)} == {"not_observed"}
    assert not Execution.objects.in_scope(scope).exclude(state__in=EXECUTION_TERMINAL).exists()


def _dear(state):
    """The pool is dear from the first: a route pays, and no block ever follows."""
    if state.venue != POOL_VENUE:
        return state
    return replace(state, quote_reserve=state.quote_reserve * 1025 // 1000)
