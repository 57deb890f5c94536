"""The outbox against the real database: nothing is lost, nothing is sent by two at once."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from domain.errors import Unreachable
from domain.scope import Mode, Scope
from ops import correlation
from ops.models import Outbox
from ops.services import outbox

SIM = Scope(Mode.SIM)


class Recorder:
    """A sender that remembers what it was given, and can be away."""

    def __init__(self, *, away_after: int | None = None) -> None:
        self.sent: list[tuple[str, int]] = []
        self.correlation_ids: list[str] = []
        self.away_after = away_after

    def __call__(self, kind: str, row_id: int) -> None:
        if self.away_after is not None and len(self.sent) >= self.away_after:
            raise Unreachable("the broker is away")
        self.sent.append((kind, row_id))
        self.correlation_ids.append(correlation.current())


def enqueue(*row_ids: int, scope: Scope = SIM, **options) -> None:
    for row_id in row_ids:
        outbox.enqueue("trading.execution_step", row_id, scope=scope, **options)


@pytest.mark.django_db
def test_a_row_is_sent_once_and_marked():
    enqueue(7)
    send = Recorder()
    assert outbox.publish_due(send, scope=SIM) == 1
    assert outbox.publish_due(send, scope=SIM) == 0
    assert send.sent == [("trading.execution_step", 7)]
    row = Outbox.objects.get()
    assert row.dispatched_at is not None
    assert row.attempts == 1


@pytest.mark.django_db
def test_a_row_waits_until_it_is_due():
    enqueue(7, due_at=timezone.now() + timedelta(minutes=1))
    assert outbox.publish_due(Recorder(), scope=SIM) == 0
    assert outbox.waiting(scope=SIM) == 0


@pytest.mark.django_db
def test_rows_of_another_mode_are_left_alone_and_those_of_any_run_are_sent():
    enqueue(1, scope=Scope(Mode.DRY_RUN))
    enqueue(2, scope=Scope(Mode.SIM, "night"))
    send = Recorder()
    assert outbox.publish_due(send, scope=SIM) == 1
    assert send.sent == [("trading.execution_step", 2)]


@pytest.mark.django_db
def test_rows_survive_a_broker_that_goes_away_half_way():
    enqueue(1, 2, 3)
    with pytest.raises(Unreachable):
        outbox.publish_due(Recorder(away_after=1), scope=SIM)
    rows = Outbox.objects.order_by("row_id")
    assert [(row.row_id, row.attempts, row.dispatched_at is None) for row in rows] == [
        (1, 1, False),
        (2, 1, True),
        (3, 0, True),
    ]
    back = Recorder()
    assert outbox.publish_due(back, scope=SIM) == 2
    assert [row_id for _, row_id in back.sent] == [2, 3]


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_sends_nothing():
    with pytest.raises(RuntimeError), transaction.atomic():
        enqueue(7)
        raise RuntimeError
    assert outbox.publish_due(Recorder(), scope=SIM) == 0


@pytest.mark.django_db
def test_the_task_carries_the_correlation_id_of_whoever_enqueued_it():
    with correlation.correlated("abc"):
        enqueue(7)
    send = Recorder()
    outbox.publish_due(send, scope=SIM)
    assert send.correlation_ids == ["abc"]
    assert correlation.current() == ""


@pytest.mark.django_db(transaction=True)
def test_two_publishers_never_hold_one_row_at_once():
    enqueue(*range(1, 41))
    second = Recorder()

    def publish_in_the_middle(kind: str, row_id: int) -> None:
        first.sent.append((kind, row_id))
        if len(first.sent) == 1:
            other = threading.Thread(target=publish_the_rest)
            other.start()
            other.join()

    def publish_the_rest() -> None:
        try:
            outbox.publish_due(second, scope=SIM)
        finally:
            connection.close()

    first = Recorder()
    assert outbox.publish_due(publish_in_the_middle, scope=SIM, limit=20) == 20
    assert {row_id for _, row_id in first.sent} == set(range(1, 21))
    assert {row_id for _, row_id in second.sent} == set(range(21, 41))


@pytest.mark.django_db(transaction=True)
def test_many_publishers_send_every_row_once():
    enqueue(*range(1, 61))
    senders = [Recorder() for _ in range(6)]

    def publish(send: Recorder) -> None:
        try:
            while outbox.publish_due(send, scope=SIM, limit=5):
                pass
        finally:
            connection.close()

    threads = [threading.Thread(target=publish, args=(send,)) for send in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = sorted(row_id for send in senders for _, row_id in send.sent)
    assert sent == list(range(1, 61))


@pytest.mark.django_db(transaction=True)
def test_a_crash_before_the_mark_sends_the_row_again():
    enqueue(7)
    sent = []

    def send_then_die(kind: str, row_id: int) -> None:
        sent.append(row_id)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outbox.publish_due(send_then_die, scope=SIM)
    assert outbox.publish_due(lambda kind, row_id: sent.append(row_id), scope=SIM) == 1
    assert sent == [7, 7]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"kind": ""}, "outbox_kind_is_named"),
        ({"row_id": 0}, "outbox_row_id_is_positive"),
        ({"dispatched_at": "2026-11-22T00:00:00Z"}, "outbox_dispatch_was_attempted"),
        ({"mode": "paper"}, "ops_outbox_mode_is_known"),
    ],
)
def test_the_database_refuses_a_row_that_must_never_be(fields, constraint):
    sound = {"kind": "ops.notify", "row_id": 1, "mode": "sim"}
    with pytest.raises(IntegrityError, match=constraint):
        Outbox.objects.create(**sound | fields)
