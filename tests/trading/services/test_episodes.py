from decimal import Decimal

from domain.timestamps import from_ns
from tests.fakes import MS, NOW_NS, SIM, book
from trading.models import OpenEpisode, Opportunity
from trading.services.episodes import EpisodeTracker, close_episode, left_open

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
    assert tracker.closed_by(NOW_NS + LINGER_NS - 1) == []
    (closed,) = tracker.closed_by(NOW_NS + LINGER_NS)
    assert (closed.route_key, closed.last_seen_ns) == (decision.candidate.route.key, NOW_NS)
    assert tracker.closed_by(NOW_NS + LINGER_NS) == []
    assert tracker.opens(decision)


def test_closing_writes_end_and_peak_and_frees_the_route(line):
    tracker = EpisodeTracker(linger_ns=LINGER_NS)
    (first,) = line.decisions(*CROSSED)
    line.commit(first)
    tracker.opens(first)
    line.clock.advance(100)
    (better,) = line.decisions(book("b", "102", "102.1", at_ns=line.clock.now_ns()))
    tracker.opens(better)
    (closed,) = tracker.closed_by(line.clock.now_ns() + LINGER_NS)
    close_episode(closed, scope=SIM)
    opportunity = Opportunity.objects.get()
    assert opportunity.closed_at == from_ns(line.clock.now_ns())
    assert opportunity.peak_edge_bps > opportunity.edge_bps > Decimal(0)
    assert not OpenEpisode.objects.exists()
    close_episode(closed, scope=SIM)


def test_a_new_process_takes_up_the_episodes_that_the_old_one_left_open(line):
    (decision,) = line.decisions(*CROSSED)
    line.commit(decision)
    tracker = EpisodeTracker(linger_ns=LINGER_NS)
    tracker.resume(left_open(SIM))
    assert not tracker.opens(decision)
