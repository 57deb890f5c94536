"""What trading tells the models: samples once, labels that never contradict, scopes that never mix."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.errors import BadInput
from domain.features import FEATURE_HASH, FEATURE_NAMES, FEATURE_SET, FeatureVector
from domain.scope import Mode, Scope
from domain.scores import Abstained
from mlops.models import Sample
from mlops.services import LabelReport, SampleReport, label_sample, load_scorer, record_sample

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
SOON, LATER = NOW + timedelta(milliseconds=250), NOW + timedelta(seconds=3)
SCOPE, OTHER = Scope(Mode.SIM), Scope(Mode.REPLAY, "run-1")
ROUTE = "kraken:BTC/USD>alpaca:BTC/USD"
FEATURES = FeatureVector((*map(float, range(len(FEATURE_NAMES) - 1)), math.nan))
SOUND = {
    "route_key": ROUTE,
    "symbol": "BTC/USD",
    "timestamp": NOW,
    "opportunity_id": 1,
    "features": FEATURES,
    "net_bps": 4.5,
    "notional_usd": Decimal("499.5"),
}


def record(scope=SCOPE, **changes):
    record_sample(SampleReport(**SOUND | changes), scope=scope)


def label(known_at=SOON, *, route=ROUTE, at=NOW, scope=SCOPE, **labels):
    return label_sample(route, at, LabelReport(known_at, **labels), scope=scope)


def stored(scope=SCOPE):
    return Sample.objects.in_scope(scope).get()


@pytest.mark.parametrize("scope", [SCOPE, OTHER])
def test_without_a_champion_the_scorer_abstains_and_says_why(scope):
    assert load_scorer(scope)(FEATURES) == Abstained("no_model")


def test_a_sample_keeps_its_features_by_name_and_the_unknown_ones_as_null():
    record(resolution_s=60.0)

    row = stored()
    assert (row.feature_set, row.feature_hash, row.resolution_s) == (FEATURE_SET, FEATURE_HASH, 60.0)
    assert row.features[FEATURE_NAMES[0]] == 0.0
    assert row.features[FEATURE_NAMES[-1]] is None
    assert FeatureVector.from_dict(row.features).values[:-1] == FEATURES.values[:-1]


def test_a_sample_keeps_what_was_planned_and_what_the_models_said():
    scores = {"success_probability": 0.4, "explored": True}
    record(scores=scores, explored=True)

    row = stored()
    assert (row.kind, row.net_bps, row.notional_usd) == ("opportunity", 4.5, Decimal("499.5"))
    assert (row.scores, row.explored, row.executed) == (scores, True, False)


def test_what_has_no_opportunity_is_a_near_miss():
    record(opportunity_id=None, net_bps=-0.5)

    assert (stored().kind, stored().opportunity_id) == ("near_miss", None)


def test_a_second_report_of_a_route_and_instant_changes_nothing_and_scopes_never_mix():
    record(net_bps=4.5)
    record(net_bps=9.9)
    record(OTHER, net_bps=9.9)

    assert (stored().net_bps, stored(OTHER).net_bps) == (4.5, 9.9)


def test_what_pays_at_the_very_instant_of_its_near_miss_is_an_opportunity():
    record(opportunity_id=None, net_bps=-0.5)
    record(OTHER, opportunity_id=None, net_bps=-0.5)
    record(opportunity_id=7)
    record(opportunity_id=None, net_bps=-0.5)

    assert (stored().kind, stored().opportunity_id, stored().net_bps) == ("opportunity", 7, 4.5)
    assert stored(OTHER).kind == "near_miss"


def test_labels_come_in_one_by_one_and_leave_the_others_alone():
    record()
    record(OTHER)

    assert label(SOON, edge_at_latency_bps=4.5, fillable_share_at_latency=0.5)
    assert label(LATER, executed=True, settled_net_usd=Decimal("1.25"), slippage_bps=0.75)

    row = stored()
    assert (row.edge_at_latency_bps, row.fillable_share_at_latency) == (4.5, 0.5)
    assert (row.executed, row.settled_net_usd, row.slippage_bps) == (True, Decimal("1.25"), 0.75)
    assert (stored(OTHER).edge_at_latency_bps, stored(OTHER).known_at) == (None, None)


@pytest.mark.parametrize("instants", [(SOON, LATER), (LATER, SOON)])
def test_a_sample_is_known_from_its_last_label_on_in_whatever_order_they_come(instants):
    record()
    label(instants[0], edge_at_latency_bps=4.5)
    label(instants[1], executed=False)

    assert stored().known_at == LATER


def test_a_report_without_a_label_leaves_a_sample_as_unknown_as_it_was():
    record()
    assert label(LATER)
    assert stored().known_at is None


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("edge_at_latency_bps", 4.5, 4.6),
        ("fillable_share_at_latency", 1.0, 0.0),
        ("settled_net_usd", Decimal("1.25"), Decimal("-1.25")),
        ("slippage_bps", 0.75, 0.0),
    ],
)
def test_a_label_that_contradicts_the_stored_one_is_named_and_not_stored(name, first, second):
    record()
    label(executed=True, **{name: first})
    label(executed=True, **{name: first})

    with pytest.raises(BadInput, match=rf"{name} of opportunity on {ROUTE} at .* is {first}\S*; it cannot become"):
        label(**{name: second})
    assert getattr(stored(), name) == first


@pytest.mark.parametrize(
    "asked", [{"route": "alpaca:BTC/USD>kraken:BTC/USD"}, {"at": LATER}, {"scope": Scope(Mode.REPLAY, "run-2")}]
)
def test_labelling_what_was_never_sampled_says_so(asked):
    record()
    assert label(edge_at_latency_bps=4.5, **asked) is False
    assert stored().edge_at_latency_bps is None
