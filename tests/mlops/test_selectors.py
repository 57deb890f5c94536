"""What is learnt from: labelled samples of one scope and of today's features alone, oldest first, and their counts."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.features import FEATURE_HASH, FEATURE_NAMES, FEATURE_SET, FeatureVector
from domain.scope import Mode, Scope
from mlops.labelled import LabelledSample
from mlops.models import Sample
from mlops.selectors import labelled_samples, outcome_counts, outcomes_since, served_models, versions_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
SCOPE, OTHER = Scope(Mode.SIM), Scope(Mode.REPLAY, "run-1")
FEATURES = FeatureVector((*map(float, range(len(FEATURE_NAMES) - 1)), math.nan))
SETTLED = {"executed": True, "settled_net_usd": Decimal("1.25"), "edge_at_latency_bps": 3.0}


def sampled(minute=0, *, scope=SCOPE, **changes):
    told = {
        "kind": "opportunity",
        "route_key": "a route",
        "symbol": "BTC/USD",
        "timestamp": NOW + timedelta(minutes=minute),
        "opportunity_id": minute + 1,
        "feature_set": FEATURE_SET,
        "feature_hash": FEATURE_HASH,
        "features": FEATURES.as_dict(),
        "net_bps": 5.0,
        "notional_usd": Decimal(1000),
        "edge_at_latency_bps": -2.0,
        "known_at": NOW + timedelta(minutes=minute, seconds=1),
    }
    return Sample.objects.create(**scope.columns, **told | changes)


def minutes(*args):
    return [(one.timestamp - NOW).seconds // 60 for one in labelled_samples(SCOPE, *args)]


def test_a_labelled_sample_is_the_row_as_a_value():
    sampled(
        scores={"abstained": "no_model"},
        explored=True,
        fillable_share_at_latency=0.5,
        slippage_bps=1.5,
        resolution_s=60.0,
        **SETTLED,
    )
    (found,) = labelled_samples(SCOPE)
    assert found.features.values[:-1] == FEATURES.values[:-1]
    assert math.isnan(found.features.values[-1])
    assert found == LabelledSample(
        route_key="a route",
        symbol="BTC/USD",
        timestamp=NOW,
        kind="opportunity",
        features=found.features,
        net_bps=5.0,
        notional_usd=1000.0,
        executed=True,
        explored=True,
        edge_at_latency_bps=3.0,
        fillable_share_at_latency=0.5,
        settled_net_usd=1.25,
        slippage_bps=1.5,
        known_at=NOW + timedelta(seconds=1),
        resolution_s=60.0,
        scores={"abstained": "no_model"},
    )


def test_samples_come_oldest_first_from_the_first_instant_on_and_before_the_last():
    for minute in (3, 1, 2, 0):
        sampled(minute)
    assert minutes() == [0, 1, 2, 3]
    assert minutes(NOW + timedelta(minutes=1), NOW + timedelta(minutes=3)) == [1, 2]


def test_what_has_no_label_other_features_or_another_scope_is_left_out():
    sampled(0)
    sampled(1, edge_at_latency_bps=None, known_at=None)
    sampled(2, feature_hash="abc", feature_set="v0")
    sampled(3, scope=OTHER)
    assert minutes() == [0]


def test_outcomes_are_counted_apart_from_the_shadow_near_misses_and_other_features():
    sampled(0)
    sampled(1, **SETTLED)
    sampled(2, explored=True, **SETTLED)
    sampled(3, kind="near_miss", opportunity_id=None)
    sampled(4, edge_at_latency_bps=None, known_at=None)
    sampled(5, feature_hash="abc", feature_set="v0", **SETTLED)
    sampled(6, scope=OTHER, **SETTLED)

    found = outcome_counts(SCOPE)

    counts = (found.samples, found.labelled, found.executed, found.explored, found.near_misses)
    assert counts == (5, 4, 2, 1, 1)
    assert found.of_other_features == 1
    assert found.known_to == NOW + timedelta(minutes=5, seconds=1)
    assert outcomes_since(SCOPE, None) == 2
    assert outcomes_since(SCOPE, NOW + timedelta(minutes=1)) == 1


def test_an_empty_scope_has_nothing_and_says_so():
    found = outcome_counts(SCOPE)
    assert (found.samples, found.executed, found.known_to) == (0, 0, None)
    assert (list(labelled_samples(SCOPE)), versions_of(SCOPE), served_models(SCOPE)) == ([], [], [])
