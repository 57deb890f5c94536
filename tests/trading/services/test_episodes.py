import json
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.market import Pair
from domain.partition import Deal
from domain.timestamps import from_ns
from tests.fakes import BTC_USD, MS, NOW_NS, SIM, book
from trading.models import OpenEpisode, Opportunity
from trading.services.episodes import EpisodeTracker, close_episode, close_left_open

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))
LINGER_NS = 1000 * MS


def test_the_first_decision_of_a_route_opens_its_episode_and_the_next_prolongs_it(line):
    tracker = EpisodeTracker(linger_ns=LINGER_NS)
    (decision,) = line.decisions(*CROSSED)
    assert tracker.opens(decision)
    assert not tracker.opens(decision)


def test_an_episode_ends_once_its_route_has_not_paid_for_the_linger_time(line):
    tracker = EpisodeTracker(linger_ns=LINGER_NS)
    (decision,) = line.decisions(*CROSSED)
    tracker.opens(decision)
    assert tracker.closed_by(NOW_NS + LINGER_NS) == []
    (closed,) = tracker.closed_by(NOW_NS + LINGER_NS + 1)
    assert (closed.route_key, closed.last_seen_ns) == (decision.candidate.route.key, NOW_NS)
    assert tracker.closed_by(NOW_NS + LINGER_NS + 1) == []
    assert tracker.opens(decision)


def test_closing_writes_end_and_peak_and_frees_the_route(line):
    tracker = EpisodeTracker(linger_ns=LINGER_NS)
    (first,) = line.decisions(*CROSSED)
    line.commit(first)
    tracker.opens(first)
    line.clock.advance(100)
    (better,) = line.decisions(book("b", "102", "102.1", at_ns=line.clock.now_ns()))
    tracker.opens(better)
    (closed,) = tracker.closed_by(line.clock.now_ns() + LINGER_NS + 1)
    close_episode(closed, scope=SIM)
    opportunity = Opportunity.objects.get()
    assert opportunity.closed_at == from_ns(line.clock.now_ns())
    assert opportunity.peak_edge_bps > opportunity.edge_bps > Decimal(0)
    assert not OpenEpisode.objects.exists()
    close_episode(closed, scope=SIM)


@pytest.mark.parametrize(("after_ns", "begins"), [(LINGER_NS, False), (LINGER_NS + 1, True)])
def test_where_an_episode_ends_is_the_same_whether_or_not_anybody_asked_in_between(line, after_ns, begins):
    tracker, asked = (EpisodeTracker(linger_ns=LINGER_NS) for _ in range(2))
    (first,) = line.decisions(*CROSSED)
    for one in (tracker, asked):
        one.opens(first)
    closed = asked.closed_by(NOW_NS + after_ns)
    later = replace(first, decided_at_ns=NOW_NS + after_ns)
    opened = tracker.opens(later)
    assert bool(opened) is bool(asked.opens(later)) is bool(closed) is begins
    assert [opened.ended] == closed if opened else not closed


def test_a_tracker_goes_on_where_the_one_that_told_its_state_was(line):
    tracker, other = (EpisodeTracker(linger_ns=LINGER_NS) for _ in range(2))
    (decision,) = line.decisions(*CROSSED)
    tracker.opens(decision)
    other.restore(json.loads(json.dumps(tracker.state())))
    assert not other.opens(decision)
    assert other.closed_by(NOW_NS + 2 * LINGER_NS) == tracker.closed_by(NOW_NS + 2 * LINGER_NS) != []


def test_a_new_watch_closes_what_an_earlier_process_left_open_and_begins_its_own(line):
    (decision,) = line.decisions(*CROSSED)
    line.commit(decision)
    close_left_open(SIM)
    first = Opportunity.objects.get()
    assert (first.closed_at, first.peak_edge_bps) == (first.timestamp, first.edge_bps)
    line.clock.advance(1)
    (again,) = line.decisions(*CROSSED)
    line.commit(again)
    assert Opportunity.objects.count() == 2


def test_a_new_watch_of_one_partition_leaves_the_episodes_of_others_open(line):
    (decision,) = line.decisions(*CROSSED)
    line.commit(decision)
    first, second = Deal((Pair.parse("ETH/USD"), BTC_USD), 2).shares()
    close_left_open(SIM, first)
    assert OpenEpisode.objects.count() == 1
    close_left_open(SIM, second)
    assert not OpenEpisode.objects.exists() and Opportunity.objects.get().closed_at is not None
