"""No feature looks past the instant of its decision: whatever comes later, it stays what it was."""

import math
from collections import Counter
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from domain import detection
from domain.features import FEATURE_NAMES, FeatureVector
from tests.fakes import MS
from tests.watched import Event, events, seen_by_models

SEEDS = st.integers(0, 10**6)


def judged_before(happening: list[Event], first_changed: int) -> list[str]:
    """Return what was judged before an event, digit for digit."""
    known = seen_by_models(happening, until=first_changed)
    return list(map(repr, seen_by_models(happening)[: len(known)]))


def changed_after(happening: list[Event], first_changed: int, *, seed: int) -> list[Event]:
    """Return the same events with others from one of them on."""
    return events(len(happening) - first_changed, seed=seed, after=happening[:first_changed])


@tries(max_examples=8, deadline=None)
@given(seed=SEEDS, other=SEEDS, share=st.floats(0.1, 0.9))
def test_whatever_comes_after_a_decision_changes_none_of_its_features(seed, other, share):
    happening = events(260, seed=seed)
    first = int(len(happening) * share)
    assert judged_before(happening, first) == judged_before(changed_after(happening, first, seed=other), first)


def price_later(happening: list[Event], now_ns: int) -> float:
    later_ns = now_ns + 1_000 * MS
    coming = (event.came for event in happening if event.at_ns > later_ns and hasattr(event.came, "best_ask"))
    return next((float(market.best_ask) for market in coming), math.nan)


def next_rows(happening: list[Event], now_ns: int) -> float:
    coming = (event.came for event in happening if event.at_ns > now_ns and isinstance(event.came, dict))
    return next((float(len(repr(context))) for context in coming), math.nan)


@pytest.mark.parametrize("peek", [price_later, next_rows])
def test_a_planted_feature_that_looks_ahead_is_caught(peek):
    def differs(seed: int) -> bool:
        happening = events(260, seed=seed)
        changed = changed_after(happening, 130, seed=seed + 1)
        return with_plant(happening) != with_plant(changed)

    def with_plant(happening: list[Event]) -> list[str]:
        honest = detection.features_of

        def planted(*args, now_ns, known):
            values = honest(*args, now_ns=now_ns, known=known).values
            return FeatureVector((*values[:-1], peek(happening, now_ns)))

        with mock.patch.object(detection, "features_of", planted):
            return judged_before(happening, 130)

    assert any(differs(seed) for seed in range(10))


def test_the_watch_shows_every_feature_known_and_varied():
    found = [values for seed in range(4) for *_, values in seen_by_models(events(1500, seed=seed))]
    assert len(found) > 100
    known = Counter(
        name for values in found for name, value in zip(FEATURE_NAMES, values, strict=True) if not math.isnan(value)
    )
    varied = {name for place, name in enumerate(FEATURE_NAMES) if len({repr(values[place]) for values in found}) > 2}
    assert set(known) == set(FEATURE_NAMES)
    assert varied == set(FEATURE_NAMES)
