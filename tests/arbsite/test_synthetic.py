"""Samples out of the simulated market: one seed, one set; labels by the look that trading takes."""

import math
from collections import Counter

import pytest

from arbsite import synthetic
from domain.features import FEATURE_NAMES, MAY_BE_UNKNOWN

FEW = 60


@pytest.fixture(scope="module")
def found():
    return synthetic.samples(3, 400)


def test_one_seed_gives_one_set_of_samples_and_another_seed_another():
    assert repr(synthetic.samples(5, FEW)) == repr(synthetic.samples(5, FEW))
    assert repr(synthetic.samples(5, FEW)) != repr(synthetic.samples(6, FEW))


def test_fewer_samples_are_the_first_of_more(found):
    assert repr(synthetic.samples(3, FEW)) == repr(found[:FEW])


def test_samples_come_in_order_of_time_and_their_labels_after_them(found):
    assert len(found) == 400
    assert [one.timestamp for one in found] == sorted(one.timestamp for one in found)
    assert all((one.known_at - one.timestamp).total_seconds() == 0.25 for one in found)


def test_opportunities_count_as_executed_at_what_the_plan_nets_after_the_delay(found):
    traded = [one for one in found if one.kind == "opportunity"]
    assert len(traded) > 300
    assert all(one.executed and one.net_bps > 0 for one in traded)
    for one in traded:
        assert one.settled_net_usd == pytest.approx(one.edge_at_latency_bps * one.notional_usd / 1e4)
        assert one.slippage_bps == pytest.approx(one.net_bps - one.edge_at_latency_bps)


def test_near_misses_are_never_executed_and_lie_just_below_the_threshold(found, settings):
    near = [one for one in found if one.kind == "near_miss"]
    distance = float(settings.ARB.trading.near_miss_bps)
    assert near
    assert all(not one.executed and one.settled_net_usd is None for one in near)
    assert all(-distance < one.net_bps <= 0 for one in near)


def test_there_is_something_to_learn_some_edges_hold_and_some_are_gone(found):
    outcomes = Counter(one.edge_at_latency_bps > 0 for one in found if one.executed)
    assert 0.15 < outcomes[False] / outcomes.total() < 0.6


def test_only_what_may_be_unknown_is_unknown(found):
    for one in found:
        unknown = {name for name, value in zip(FEATURE_NAMES, one.features.values, strict=True) if math.isnan(value)}
        assert unknown <= MAY_BE_UNKNOWN
        assert not any(math.isinf(value) for value in one.features.values)


def test_the_past_of_a_route_is_known_only_once_it_has_one(found):
    place = FEATURE_NAMES.index("route_count")
    first_of_route = {}
    for one in found:
        if one.kind == "opportunity":
            first_of_route.setdefault((one.route_key, one.timestamp.date(), one.timestamp.hour), one)
    assert all(one.features.values[place] == 0 for one in first_of_route.values())
    assert max(one.features.values[place] for one in found) > 3


def test_sessions_spread_over_the_hours_of_the_day():
    starts = [synthetic.BEGINS_NS + number * synthetic.SESSION_EVERY_NS for number in range(200)]
    hours = {start // (3600 * 10**9) % 24 for start in starts}
    assert len(hours) == 24


def test_progress_never_says_more_than_was_asked_for():
    told = []
    synthetic.samples(1, FEW, told=lambda done, total: told.append((done, total)))
    assert told[-1] == (FEW, FEW)
    assert all(done <= total for done, total in told)
