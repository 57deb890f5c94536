"""One id leads from a quote to the ledger: through rows, messages, alerts and the log lines of every process."""

import pytest

from arbsite.celery import stamp
from domain.execution import ExecutionState
from ops import correlation
from ops.models import Alert, Outbox
from ops.services.outbox import publish_due
from tests.fakes import SIM, book
from trading.dispatch import EXECUTION_STEP, OutboxDispatch
from trading.models import Execution, LedgerEntry, Opportunity, StateEvent
from trading.services.sweeping import sweep_executions

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))
pytestmark = pytest.mark.django_db(transaction=True)


class Workers:
    """Takes the outbox's rows as the publisher, the broker and a worker do, and steps with what a message carries."""

    def __init__(self, line) -> None:
        self.line = line
        self.headers: list[dict[str, object]] = []

    def send(self, kind: str, row_id: int) -> None:
        headers: dict[str, object] = {}
        stamp(headers)
        self.headers.append({"kind": kind, "id": headers["arb_correlation_id"]})
        if kind == EXECUTION_STEP:
            self.line.step(row_id)

    def work(self) -> None:
        correlation.bind("")
        publish_due(self.send, scope=SIM)


@pytest.fixture
def line(line):
    line.dispatch = OutboxDispatch(SIM)
    return line


def logged(caplog) -> dict[str, set[str]]:
    """Return the correlation ids of every line, by its event."""
    found: dict[str, set[str]] = {}
    for record in caplog.records:
        if isinstance(record.msg, dict):
            found.setdefault(record.msg["event"], set()).add(record.msg.get("correlation_id", ""))
    return found


def test_an_opportunity_that_is_settled_is_found_by_its_id_everywhere(line, caplog):
    caplog.set_level("INFO")
    workers = Workers(line)
    execution = line.open(*CROSSED)
    workers.work()
    line.clock.advance(250)
    line.observe()
    workers.work()
    execution.refresh_from_db()
    assert execution.state == ExecutionState.SETTLED

    one = {Opportunity.objects.get().correlation_id}
    assert len(next(iter(one))) == 16
    assert {execution.correlation_id} == one
    assert set(Outbox.objects.values_list("correlation_id", flat=True)) == one
    assert {headers["id"] for headers in workers.headers if headers["kind"] == EXECUTION_STEP} == one
    lines = LedgerEntry.objects.filter(correlation_id__in=one)
    assert lines.count() == LedgerEntry.objects.count() > 4
    assert set(lines.values_list("fill__order__execution", flat=True)) == {execution.pk}
    assert set(StateEvent.objects.values_list("execution__correlation_id", flat=True)) == one
    assert logged(caplog)["handed_on"] == one


def test_what_goes_wrong_with_it_is_alerted_and_logged_under_its_id(line, caplog):
    workers = Workers(line)
    execution = line.open(*CROSSED)
    workers.work()
    line.clock.advance(250)
    line.observe(book("b", "90", "91"))
    workers.work()
    for _ in range(4):
        line.clock.advance(6_000)
        sweep_executions(SIM, clock=line.clock, dispatch=line.dispatch)
        workers.work()
    execution.refresh_from_db()
    assert execution.state == ExecutionState.NEEDS_PERSON
    one = {execution.correlation_id}
    about = Alert.objects.filter(key__in=[f"needs_person:{execution.pk}", "breaker:execution_failures"])
    assert set(about.values_list("correlation_id", flat=True)) == one
    found = logged(caplog)
    assert found["unwinding"] == found["execution_needs_person"] == found["alert"] == one
    assert set(Outbox.objects.values_list("correlation_id", flat=True)) == one


def test_two_opportunities_of_one_scan_have_an_id_each(line):
    with correlation.correlated("of-the-scan"):
        first = line.open(*CROSSED)
        second = line.open(book("a", "101", "101.1", seq=2), book("b", "99.9", "100", seq=2))
        assert correlation.current() == "of-the-scan"
    assert len({first.correlation_id, second.correlation_id, "of-the-scan"}) == 3
    assert Execution.objects.count() == 2
