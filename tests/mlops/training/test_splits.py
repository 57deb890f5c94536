"""Time-ordered splits: no episode on both sides, nothing learnt that was not known yet."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.training.splits import EMBARGO_NS, GAP_NS, LONGEST_NS, Timeline, episodes_of, folds, hold_out, runs_of

SECOND = 1_000_000_000


@st.composite
def timelines(draw):
    n = draw(st.integers(2, 80))
    gaps = draw(st.lists(st.integers(0, draw(st.sampled_from([30, 200]))), min_size=n, max_size=n))
    delays = draw(st.lists(st.integers(0, 400), min_size=n, max_size=n))
    routes = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=n, max_size=n))
    at_ns = np.cumsum(gaps) * SECOND
    return Timeline.of(np.array(routes), at_ns, at_ns + np.array(delays) * SECOND), np.array(routes)


def assert_nothing_leaks(timeline, split):
    assert not set(split.train) & set(split.test)
    assert not set(timeline.episodes[split.train]) & set(timeline.episodes[split.test])
    first_ns, last_ns = timeline.at_ns[split.test].min(), timeline.ready_ns[split.test].max()
    before = timeline.ready_ns[split.train] + EMBARGO_NS < first_ns
    after = timeline.at_ns[split.train] - EMBARGO_NS > last_ns
    assert (before | after).all()


@given(timelines())
@settings(max_examples=40, deadline=None)
def test_what_is_held_out_lies_wholly_after_all_that_was_known_when_it_was_learnt(drawn):
    timeline, _ = drawn
    split = hold_out(timeline)
    assert_nothing_leaks(timeline, split)
    assert (timeline.ready_ns[split.train] < timeline.at_ns[split.test].min()).all()


@given(timelines(), st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_every_sample_is_judged_in_exactly_one_fold_by_what_lies_apart_from_it(drawn, count):
    timeline, _ = drawn
    judged = []
    for split in folds(timeline, count):
        assert_nothing_leaks(timeline, split)
        judged.extend(split.test)
    assert sorted(judged) == list(range(len(timeline.at_ns)))


@given(timelines())
@settings(max_examples=40, deadline=None)
def test_samples_of_a_route_less_than_a_minute_apart_are_one_episode_of_five_minutes_at_most(drawn):
    timeline, routes = drawn
    for route in np.unique(routes):
        at_ns, episodes = (values[routes == route] for values in (timeline.at_ns, timeline.episodes))
        began_ns = chain_ns = at_ns[0]
        for row in range(1, len(at_ns)):
            paused = at_ns[row] - at_ns[row - 1] >= GAP_NS
            chain_ns = at_ns[row] if paused else chain_ns
            is_cut = (at_ns[row] - chain_ns) // LONGEST_NS > (at_ns[row - 1] - chain_ns) // LONGEST_NS
            began_ns = at_ns[row] if paused or is_cut else began_ns
            assert (episodes[row] != episodes[row - 1]) == (paused or is_cut)
            assert at_ns[row] - began_ns < LONGEST_NS
    for episode in np.unique(timeline.episodes):
        assert len(np.unique(routes[timeline.episodes == episode])) == 1


def test_of_routes_that_never_pause_the_last_quarter_can_be_held_out_all_the_same():
    at_ns = np.arange(5_000) * 4 * SECOND
    timeline = Timeline.of(np.array([f"route {row % 5}" for row in range(5_000)]), at_ns, at_ns + SECOND)
    split = hold_out(timeline)
    assert_nothing_leaks(timeline, split)
    assert 0.2 < len(split.test) / 5_000 < 0.3
    assert len(split.train) > 0.65 * 5_000


def test_episodes_are_numbered_by_when_they_began():
    routes = np.array(["b", "a", "b", "a"])
    at_ns = np.array([0, 10, 30, 100]) * SECOND
    assert episodes_of(routes, at_ns).tolist() == [0, 1, 0, 2]


def test_a_near_miss_and_the_opportunity_after_it_are_held_out_together_or_not_at_all():
    at_ns = np.concatenate((np.arange(75) * 300, [75 * 300, 75 * 300 + 30], 75 * 300 + 300 * np.arange(1, 24))) * SECOND
    timeline = Timeline.of(np.full(len(at_ns), "a"), at_ns, at_ns + SECOND)
    split = hold_out(timeline)
    assert timeline.episodes[75] == timeline.episodes[76]
    assert {75, 76} <= set(split.test) or not {75, 76} & set(split.test)


def test_a_label_that_comes_late_keeps_its_sample_from_being_learnt_from():
    at_ns = np.arange(100) * 300 * SECOND
    ready_ns = at_ns + SECOND
    ready_ns[10] = at_ns[-1]
    split = hold_out(Timeline.of(np.full(100, "a"), at_ns, ready_ns))
    assert 9 in split.train
    assert 10 not in split.train


def test_nothing_splits_into_nothing():
    empty = np.array([], dtype=np.int64)
    split = hold_out(Timeline.of(np.array([], dtype=str), empty, empty))
    assert len(split.train) == len(split.test) == 0
    assert len(runs_of(empty)) == 0


@given(st.lists(st.integers(0, 500), min_size=1, max_size=300), st.integers(1, 60))
def test_a_run_holds_whole_neighbouring_episodes_and_there_are_no_more_than_asked_for(episodes, count):
    numbers = np.array(episodes)
    runs = runs_of(numbers, count)
    assert set(runs) == set(range(min(count, len(set(episodes)))))
    order = np.argsort(numbers, kind="stable")
    assert (np.diff(runs[order]) >= 0).all()
    assert all(len(set(runs[numbers == episode])) == 1 for episode in set(episodes))
