"""The same thing done by many at once is done once."""

import pytest

from domain.scope import Mode, Scope
from risk.models import Reservation
from risk.services import Refusal
from tests.faults.test_kills import crossed_at
from tests.risk.samples import all_at_once
from tests.trading.services.conftest import Line
from trading.dispatch import OutboxDispatch
from trading.models import Execution, OpenEpisode, Opportunity, Order
from trading.services import pipeline

SCOPE = Scope(Mode.SIM, "race")


@pytest.mark.django_db(transaction=True)
def test_of_eight_that_commit_one_decision_one_opens_its_execution():
    line = Line(scope=SCOPE)
    (decision,) = line.decisions(*crossed_at(line.clock.now_ns(), 1))

    answers = all_at_once(8, lambda number: pipeline.commit(decision, scope=SCOPE, dispatch=OutboxDispatch(SCOPE)))

    opened = [answer for answer in answers if not isinstance(answer, Refusal)]
    assert opened == [Execution.objects.get().pk]
    assert {answer.reason for answer in answers if isinstance(answer, Refusal)} == {"episode_open"}
    assert Order.objects.count() == 2
    for table in (Opportunity, OpenEpisode, Reservation):
        assert table.objects.in_scope(SCOPE).count() == 1
