import threading

import pytest
from django.db import connection

from domain.terms import Rejected
from tests.fakes import NOW_NS, SIM, book, no_model
from trading.models import EvaluationCount
from trading.services import pipeline
from trading.services.counts import EvaluationCounter, record_looks

HOUR_NS = 3_600 * 10**9


def looks(line, *books):
    line.view.put(*books)
    changed = next(iter(line.view.books))
    return pipeline.decide(changed, line.view, config=line.config, score=no_model, clock=line.clock)


def test_every_look_is_counted_under_the_stage_and_reason_that_ended_it(line):
    counter = EvaluationCounter()
    for found in looks(line, book("a", "99.9", "100"), book("b", "101", "101.1")):
        counter.add(found, now_ns=NOW_NS)
    record_looks(counter.take(), scope=SIM)
    assert set(EvaluationCount.objects.values_list("stage", "reason", "count")) == {
        ("paid", "", 1),
        ("crossed", "not_crossed", 1),
    }


def test_counts_of_one_hour_add_up_and_of_two_hours_stay_apart(line):
    counter = EvaluationCounter()
    (found, *_) = (one for one in looks(line, book("a", "99", "100"), book("b", "99", "100")))
    assert isinstance(found, Rejected)
    for at_ns in (NOW_NS, NOW_NS, NOW_NS + HOUR_NS):
        counter.add(found, now_ns=at_ns)
        record_looks(counter.take(), scope=SIM)
    assert sorted(EvaluationCount.objects.values_list("count", flat=True)) == [1, 2]


def test_nothing_counted_writes_nothing(db):
    record_looks(EvaluationCounter().take(), scope=SIM)
    assert not EvaluationCount.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_count_the_same_looks_lose_none():
    counters = [EvaluationCounter() for _ in range(4)]
    from tests.trading.services.conftest import Line

    found = looks(Line(), book("a", "99", "100"), book("b", "99", "100"))
    for counter in counters:
        for one in found:
            counter.add(one, now_ns=NOW_NS)

    def work(counter):
        record_looks(counter.take(), scope=SIM)
        connection.close()

    threads = [threading.Thread(target=work, args=(counter,)) for counter in counters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(EvaluationCount.objects.values_list("count", flat=True)) == {4}
