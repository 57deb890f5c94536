"""A process that commits, sends and settles is killed at a random moment; another one sweeps up after it.

Each run prints its seed: the moment of the kill is drawn from it, the machine's own pace does the rest.
"""

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from django.db import connection
from django.db.models import Sum

from domain.execution import EXECUTION_TERMINAL, LegEvent
from domain.market import Book
from domain.scope import Mode, Scope
from ops.services.outbox import publish_due
from risk.models import Outcome, Reservation
from tests.fakes import FixedClock, book
from tests.sessions import other_sessions, wait_for_the_end_of
from tests.trading.services.conftest import Line
from trading.dispatch import EXECUTION_STEP, OutboxDispatch
from trading.models import Balance, Execution, ExecutionLog, LedgerEntry, OpenEpisode, Opportunity, Order, StateEvent
from trading.services.episodes import close_left_open
from trading.services.sweeping import sweep_executions

pytestmark = pytest.mark.django_db(transaction=True)

LONGEST_LIFE_S = 0.6
BUYER_GONE = (book("a", "99.9", "100"), book("b", "99.8", "99.9"))
BOTH_GONE = (book("a", "110", "111"), book("b", "90", "91"))


@dataclass
class Noted:
    """A venue that notes each order it is sent where a kill cannot take it back."""

    paper: object
    notes: Path

    def place(self, order):
        with self.notes.open("a") as stream:
            stream.write(f"{order.client_id}\n")
        return self.paper.place(order)

    def find(self, client_id, since=None):
        return self.paper.find(client_id, since)


def line_of(scope: Scope, notes: Path, clock: FixedClock) -> Line:
    line = Line(scope=scope, clock=clock)
    line.dispatch = OutboxDispatch(scope)
    line.venues = {name: Noted(paper, notes) for name, paper in line.venues.items()}
    return line


def crossed_at(at_ns: int, seq: int) -> tuple[Book, Book]:
    return book("a", "99.9", "100", at_ns=at_ns, seq=seq), book("b", "101", "101.1", at_ns=at_ns, seq=seq)


def trade(line: Line, rng: Random, seq: int) -> None:
    """Live through one opportunity: it settles, is unwound, or meets nobody."""
    (decision,) = line.decisions(*crossed_at(line.clock.now_ns(), seq))
    answer = line.commit(decision)
    if isinstance(answer, int):
        line.step(answer)
        line.clock.advance(250)
        line.observe(*rng.choice(((), BUYER_GONE, BOTH_GONE)))
        line.step(answer)
        line.clock.advance(250)
        line.observe()
        line.step(answer)
    line.clock.advance(5_000)
    end_episodes(line)


def end_episodes(line: Line) -> None:
    close_left_open(line.scope)


def killed_at_random(scope: Scope, notes: Path, rng: Random) -> int:
    """Trade in a process of its own until it is killed; return how long it lived, in ms."""
    lives_s = rng.random() * LONGEST_LIFE_S
    beside = other_sessions()
    connection.close()  # the child must not inherit our session
    is_trading, begun = os.pipe()
    child = os.fork()
    if not child:
        os.close(is_trading)
        trade_for_ever(scope, notes, rng, begun)
    os.close(begun)
    os.read(is_trading, 1)
    os.close(is_trading)
    time.sleep(lives_s)
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, "it ended before it was killed"
    wait_for_the_end_of(*other_sessions() - beside)
    return round(lives_s * 1000)


def trade_for_ever(scope: Scope, notes: Path, rng: Random, begun: int) -> None:
    try:
        line = line_of(scope, notes, FixedClock())
        os.write(begun, b".")
        for seq in range(1, 10_000):
            trade(line, rng, seq)
    finally:
        os._exit(1)  # the tests after this one are the parent's


def sweep_up(scope: Scope, notes: Path) -> None:
    """Do what the next worker does: hand on what is due, look at the books, step, until nothing is left."""
    line = line_of(scope, notes, FixedClock())
    line.clock.advance(3_600_000)
    for _ in range(20):
        line.clock.advance(6_000)
        sweep_executions(scope, clock=line.clock)
        for execution_id in published(scope):
            line.step(execution_id)
        line.observe(*crossed_at(line.clock.now_ns(), 10_000))
        if not Execution.objects.in_scope(scope).exclude(state__in=EXECUTION_TERMINAL).exists():
            return
    left = Execution.objects.in_scope(scope).exclude(state__in=EXECUTION_TERMINAL).values_list("pk", "state", "steps")
    raise AssertionError(f"executions that never end: {list(left)}")


def published(scope: Scope) -> set[int]:
    """Return the executions that the outbox asks a worker to step."""
    sent: list[tuple[str, int]] = []
    publish_due(lambda kind, row_id: sent.append((kind, row_id)), scope=scope)
    return {row_id for kind, row_id in sent if kind == EXECUTION_STEP}


def assert_even(scope: Scope, notes: Path) -> None:
    placed = Counter(notes.read_text().split() if notes.exists() else [])
    assert [client_id for client_id, times in placed.items() if times > 1] == [], "sent twice"
    known = set(Order.objects.in_scope(scope).values_list("client_id", flat=True))
    assert set(placed) <= known, "sent without a committed intent"
    sent = StateEvent.objects.in_scope(scope).filter(event=LegEvent.SEND).values_list("order_id", flat=True)
    assert len(set(sent)) == len(sent)
    assert_books_close(scope)
    assert_everybody_was_told(scope)


def assert_books_close(scope: Scope) -> None:
    lines = LedgerEntry.objects.in_scope(scope).order_by()
    assert {row["asset"]: row["sum"] for row in lines.values("asset").annotate(sum=Sum("amount")) if row["sum"]} == {}
    ours = lines.filter(account__startswith="venue:").values("account", "asset").annotate(sum=Sum("amount"))
    held = {(f"venue:{row.venue}", row.asset): row.amount for row in Balance.objects.in_scope(scope)}
    assert {(row["account"], row["asset"]): row["sum"] for row in ours} == held
    for order in Order.objects.in_scope(scope):
        assert order.filled_quantity == sum((fill.quantity for fill in order.fills.all()), Decimal(0))
    for execution in Execution.objects.in_scope(scope).filter(settled_at__isnull=False):
        lost = execution.fees_quote + execution.gas_quote + execution.slippage_quote + execution.unwind_quote
        assert execution.gross_quote - lost == execution.net_quote


def assert_everybody_was_told(scope: Scope) -> None:
    ended = Execution.objects.in_scope(scope).filter(settled_at__isnull=False)
    ids = sorted(ended.values_list("pk", flat=True))
    assert sorted(ExecutionLog.objects.in_scope(scope).values_list("execution_id", flat=True)) == ids
    was_sent = sorted(ended.filter(orders__sending_at__isnull=False).distinct().values_list("pk", flat=True))
    assert sorted(Outcome.objects.in_scope(scope).values_list("execution_id", flat=True)) == was_sent
    held = Reservation.objects.in_scope(scope).filter(released_at=None).values_list("pk", flat=True)
    with_person = Execution.objects.in_scope(scope).filter(settled_at=None).values_list("reservation_id", flat=True)
    assert sorted(held) == sorted(with_person)
    assert not OpenEpisode.objects.in_scope(scope).filter(opportunity_id=0).exists()
    admitted = Reservation.objects.in_scope(scope).values_list("opportunity_id", flat=True)
    assert sorted(admitted) == sorted(Execution.objects.in_scope(scope).values_list("opportunity_id", flat=True))
    assert set(admitted) <= set(Opportunity.objects.in_scope(scope).values_list("pk", flat=True))


def kill_and_sweep_up(seed: int, folder: Path) -> None:
    scope, notes = Scope(Mode.SIM, f"kill-{seed}"), folder / f"sent-{seed}"
    lived_ms = killed_at_random(scope, notes, Random(seed))
    was_left = Counter(Execution.objects.in_scope(scope).values_list("state", flat=True))
    print(f"seed {seed}: lived {lived_ms} ms, left {dict(was_left)}")
    sweep_up(scope, notes)
    assert_even(scope, notes)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_a_kill_interrupts_is_brought_to_an_even_end(seed, tmp_path):
    kill_and_sweep_up(seed, tmp_path)


@pytest.mark.campaign
@pytest.mark.timeout(1200)
def test_fifty_kills_leave_nothing_doubled_lost_or_open(tmp_path):
    for seed in range(1000, 1050):
        kill_and_sweep_up(seed, tmp_path)
