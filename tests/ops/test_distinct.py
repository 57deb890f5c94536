"""Distinct values by hops: the same as a whole scan finds, in order."""

import pytest

from ops.distinct import distinct_values
from ops.models import Canary
from ops.services import canaries
from tests.fakes import SIM

pytestmark = pytest.mark.django_db
NAMES = ("b", "a", "a%", "a_b", "AXB", "a\\")


@pytest.fixture(autouse=True)
def _known():
    for name in NAMES:
        canaries.seen(name, scope=SIM)
    Canary.objects.create(mode="live", queue="z", sent_at="2026-11-22T08:00Z", consumed_at="2026-11-22T08:00Z")


def queues(**asked) -> list[str]:
    return distinct_values(Canary, "queue", where=SIM.columns, **{"most": 100} | asked)


@pytest.mark.parametrize("descending", [False, True])
def test_they_are_those_of_a_whole_scan(descending):
    order = "-queue" if descending else "queue"
    known = Canary.objects.in_scope(SIM).order_by(order).values_list("queue", flat=True).distinct()
    assert queues(descending=descending) == list(known)


def test_no_more_are_found_than_asked_for():
    assert queues(most=2) == queues()[:2]


def test_words_are_sought_as_they_stand_in_either_case():
    assert set(queues(containing=("a",))) == set(NAMES) - {"b"}
    assert queues(containing=("%",)) == ["a%"]
    assert queues(containing=("_",)) == ["a_b"]
    assert queues(containing=("\\",)) == ["a\\"]
    assert set(queues(containing=("a", "B"))) == {"a_b", "AXB"}


def test_where_nothing_is_known_nothing_is_found():
    assert distinct_values(Canary, "queue", where={"mode": "replay", "run_id": ""}, most=5) == []
