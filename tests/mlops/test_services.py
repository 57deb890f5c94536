"""What trading tells the models: samples once, labels that never contradict, scopes that never mix."""

import math
from datetime import UTC, datetime
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
SCOPE, OTHER = Scope(Mode.SIM), Scope(Mode.REPLAY, "run-1")
FEATURES = FeatureVector((*map(float, range(len(FEATURE_NAMES) - 1)), math.nan))


def sample(opportunity_id=1, **changes):
    return SampleReport(opportunity_id=opportunity_id, timestamp=NOW, features=FEATURES, **changes)


@pytest.mark.parametrize("scope", [SCOPE, OTHER])
def test_without_a_champion_the_scorer_abstains_and_says_why(scope):
    assert load_scorer(scope)(FEATURES) == Abstained("no_model")


def test_a_sample_keeps_its_features_by_name_and_the_unknown_ones_as_null():
    record_sample(sample(resolution_s=60.0), scope=SCOPE)

    row = Sample.objects.get()
    assert (row.feature_set, row.feature_hash, row.resolution_s) == (FEATURE_SET, FEATURE_HASH, 60.0)
    assert row.features[FEATURE_NAMES[0]] == 0.0
    assert row.features[FEATURE_NAMES[-1]] is None
    assert FeatureVector.from_dict(row.features).values[:-1] == FEATURES.values[:-1]


def test_a_second_report_of_an_opportunity_changes_nothing_and_scopes_never_mix():
    record_sample(sample(), scope=SCOPE)
    record_sample(sample(executed=True), scope=SCOPE)
    record_sample(sample(executed=True), scope=OTHER)

    assert Sample.objects.in_scope(SCOPE).get().executed is False
    assert Sample.objects.in_scope(OTHER).get().executed is True


def test_labels_come_in_one_by_one_and_leave_the_others_alone():
    record_sample(sample(), scope=SCOPE)
    record_sample(sample(), scope=OTHER)

    assert label_sample(1, LabelReport(edge_at_latency_bps=4.5, fillable_at_latency=True), scope=SCOPE)
    assert label_sample(1, LabelReport(executed=True, settled_net_usd=Decimal("1.25")), scope=SCOPE)

    row = Sample.objects.in_scope(SCOPE).get()
    assert (row.edge_at_latency_bps, row.fillable_at_latency, row.executed) == (4.5, True, True)
    assert row.settled_net_usd == Decimal("1.25")
    assert Sample.objects.in_scope(OTHER).get().edge_at_latency_bps is None


def test_a_label_that_contradicts_the_stored_one_is_named_and_not_stored():
    record_sample(sample(), scope=SCOPE)
    label_sample(1, LabelReport(fillable_at_latency=True), scope=SCOPE)
    label_sample(1, LabelReport(fillable_at_latency=True), scope=SCOPE)

    with pytest.raises(BadInput, match="fillable_at_latency of sample of opportunity 1 is True"):
        label_sample(1, LabelReport(fillable_at_latency=False), scope=SCOPE)


def test_labelling_what_was_never_sampled_says_so():
    assert label_sample(9, LabelReport(fillable_at_latency=True), scope=SCOPE) is False
