"""The pages of models: what a version could do, what serves, what each said; moved only by who may, with a reason."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils.html import strip_tags

from domain.features import FEATURE_NAMES, FeatureVector
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.models import ModelAlias, ModelPerformance, ModelVersion, Sample, ServedModel, TrainingAttempt
from mlops.services import SampleReport, promote, record_sample, register
from mlops.services.promotion import suspend
from ops.models import OperatorAction
from tests.mlops.trained import bundle, trained

pytestmark = pytest.mark.django_db

SCOPE, MODEL = Scope(Mode.SIM), ModelName.ROUTE_SUCCESS
NOW = datetime.now(UTC)
SUBMITTED = {"_form_submitted": "True"}
VIEW = [ModelVersion, ModelAlias, ServedModel, Sample, ModelPerformance, TrainingAttempt]
METRICS = {
    "n_train": 900,
    "n_test": 300,
    "judged": {
        "auc": {"value": 0.812, "low": 0.77, "high": 0.85},
        "accuracy": {"value": 0.74, "low": 0.7, "high": 0.78},
        "f1": {"value": 0.6, "low": None, "high": None},
    },
    "baselines": {"rule": {"n": 300, "accuracy": 0.51}, "linear": {"n": 300, "accuracy": 0.7, "auc": 0.79}},
    "apart": {"executed": {"n": 100, "auc": 0.83}, "near_misses": {"n": 55, "auc": 0.6}},
    "veto": {
        "executed": {
            "n": 100,
            "n_vetoed": 31,
            "changed_usd": {"value": 41.2, "low": 12.5, "high": 71.9},
            "rule_usd": {"value": 120.0, "low": 80.0, "high": 170.0},
        }
    },
    "bins": [{"said": 0.25, "came": 0.2, "n": 40, "low": 0.1, "high": 0.35}, {"said": 0.75, "came": 0.8, "n": 60}],
    "importance": {"net_bps": 0.61, "skew_ms": 0.02},
    "drift": {"net_bps": {"edges": [1.5], "shares": [0.5, 0.5, 0.0]}},
    "calibrated_by": "isotonic",
}


@pytest.fixture(autouse=True)
def directory(settings, tmp_path):
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path))
    return tmp_path


@pytest.fixture
def ann(client):
    client.force_login(User.objects.create_superuser("ann", password="correct horse"))
    return client


def made(text="tree\n", *, now=NOW, **changes) -> ModelVersion:
    return register(trained(bundle(text), **changes), scope=SCOPE, seed=7, is_synthetic=False, now=now)


def address(row) -> str:
    return reverse(f"admin:mlops_{row._meta.model_name}_change", args=[row.pk])


def listed(client, model, asked="") -> str:
    answer = client.get(reverse(f"admin:mlops_{model._meta.model_name}_changelist") + asked)
    assert answer.status_code == 200
    return words(answer)


def words(answer) -> str:
    return re.sub(r"\s+", " ", strip_tags(answer.content.decode()))


def shown(client, row) -> str:
    answer = client.get(address(row))
    assert answer.status_code == 200
    return words(answer)


def served(**changes) -> ServedModel:
    told = {
        "process": "stream",
        "model_name": MODEL.value,
        "alias": "champion",
        "tag": "20260311_120000",
        "since": NOW,
        "seen_at": datetime.now(UTC),
    }
    return ServedModel.objects.create(**SCOPE.columns, **told | changes)


def sample(scores=None, opportunity_id=1) -> Sample:
    features = FeatureVector((float("nan"), *(1.5 for _ in FEATURE_NAMES[1:])))
    report = SampleReport(
        "kraken:BTC/USD>alpaca:BTC/USD", "BTC/USD", NOW, opportunity_id, features, 3.21, Decimal(500), 0.0, scores or {}
    )
    record_sample(report, scope=SCOPE)
    return Sample.objects.latest("id")


def test_a_version_shows_what_it_could_do_beside_what_needs_no_model(ann):
    text = shown(ann, made(metrics=METRICS))
    for told in (
        "Samples learnt from 900",
        "accuracy 74.0% 70.0% to 78.0% 51.0% 70.0%",
        "F1 score 0.6 too few to say – –",
        "AUC 0.812 0.77 to 0.85 – 0.79",
        "executed 100 31 $120.00 $41.20 $12.50 to $71.90",
        "net bps 61.00%",
        "n 100 55",
        "Calibrated by isotonic",
        "100 predictions in 2 bins lie 5.0% off the diagonal on average.",
        "said 25.0%, came 20.0%, by chance from 10.0% to 35.0%, 40 times",
        "there, and as they were written",
    ):
        assert told in text, told
    assert "Shares" not in text


def test_a_changed_file_is_said_on_the_page_of_its_version(ann, directory):
    version = made()
    (directory / version.file_hash / "probability.txt").write_text("tree!\n")
    assert "tampered: the files in" in shown(ann, version)
    for path in (directory / version.file_hash).iterdir():
        path.unlink()
    (directory / version.file_hash).rmdir()
    assert "missing:" in shown(ann, version)


def test_a_version_of_other_features_or_past_its_expiry_says_that_it_abstains(ann):
    version = made()
    ModelVersion.objects.filter(pk=version.pk).update(feature_hash="another", expires_at=NOW - timedelta(days=1))
    text = shown(ann, version)
    assert "others than this code reckons: it abstains" in text
    assert "over: it abstains" in text


def test_lineage_leads_back_to_the_champions_before_and_on_to_what_followed(ann):
    first = made()
    second = made("other\n", now=NOW + timedelta(seconds=5))
    assert second.parent == first
    assert address(first) in ann.get(address(second)).content.decode()
    assert address(second) in ann.get(address(first)).content.decode()


def test_a_promotion_asks_for_a_reason_and_acts_on_post_alone(ann):
    first, second = made(), made("other\n", now=NOW + timedelta(seconds=5))
    url = reverse("admin:mlops_modelversion_promote_version", args=[second.pk])

    assert ann.get(url + "?reason=x&_form_submitted=True").status_code == 200
    assert ann.post(url, SUBMITTED | {"reason": ""}).status_code == 200
    assert champion() == first

    done = ann.post(url, SUBMITTED | {"reason": "better on March"})

    assert done.headers["HX-Redirect"] == reverse("admin:mlops_modelversion_changelist")
    assert champion() == second
    deed = OperatorAction.objects.get()
    assert (deed.actor, deed.action, deed.reason) == ("ann", "promote_model", "better on March")


def test_a_rollback_brings_the_champion_before_back_and_says_so(ann):
    first, second = made(), made("other\n", now=NOW + timedelta(seconds=5))
    promote(MODEL, second.tag, scope=SCOPE, actor="ann", reason="better", now=NOW)
    row = ModelAlias.objects.get(alias="champion")
    url = reverse("admin:mlops_modelalias_roll_back", args=[row.pk])

    ann.get(url)
    assert champion() == second
    done = ann.post(url, SUBMITTED | {"reason": "worse since noon"})

    assert champion() == first
    assert first.tag in said(done)[0]
    assert "within ten seconds" in said(done)[0]


def test_what_is_refused_is_said_and_not_done(ann):
    first, second = made(), made("other\n", now=NOW + timedelta(seconds=5), has_skill=False, why="AUC 0.5")
    refused = ann.post(
        reverse("admin:mlops_modelversion_promote_version", args=[second.pk]), SUBMITTED | {"reason": "hope"}
    )
    assert "it has shown no skill: AUC 0.5" in said(refused)[0]
    rolled = ann.post(
        reverse("admin:mlops_modelalias_roll_back", args=[ModelAlias.objects.get(alias="champion").pk]),
        SUBMITTED | {"reason": "hope"},
    )
    assert "no previous champion" in said(rolled)[-1]
    assert champion() == first
    assert not OperatorAction.objects.exists()


@pytest.mark.parametrize("key", ["gone", "no number", "9" * 30])
def test_a_row_that_has_gone_since_it_was_shown_is_not_found(ann, key):
    _, second = made(), made("other\n", now=NOW + timedelta(seconds=5))
    shown = ModelAlias.objects.get(alias="challenger").pk
    promote(MODEL, second.tag, scope=SCOPE, actor="bob", reason="better", now=NOW)
    url = reverse("admin:mlops_modelalias_roll_back", args=[shown if key == "gone" else key])
    assert ann.post(url, SUBMITTED | {"reason": "worse"}).status_code == 404
    unknown = reverse("admin:mlops_modelversion_promote_version", args=[second.pk + 1 if key == "gone" else key])
    assert ann.post(unknown, SUBMITTED | {"reason": "better"}).status_code == 404
    assert champion() == second


@pytest.mark.parametrize(
    ("codename", "expected"), [("view_modelversion", 403), ("change_modelversion", 403), ("change_modelalias", 200)]
)
def test_only_who_may_change_aliases_may_promote(client, codename, expected):
    first, second = made(), made("other\n", now=NOW + timedelta(seconds=5))
    user = User.objects.create_user("bob", password="correct horse", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_modelversion", codename]))
    client.force_login(user)
    url = reverse("admin:mlops_modelversion_promote_version", args=[second.pk])
    assert client.post(url, SUBMITTED | {"reason": "x"}).status_code == expected
    assert champion() == (second if expected == 200 else first)


@pytest.mark.parametrize("model", VIEW, ids=lambda model: model.__name__)
def test_nothing_is_added_changed_or_deleted_on_a_page(ann, model):
    made()
    served()
    sample()
    performance()
    attempt(tag="20260311_120000")
    row = model.objects.first()
    name = f"admin:mlops_{model._meta.model_name}"
    assert ann.get(reverse(f"{name}_changelist")).status_code == 200
    assert ann.get(address(row)).status_code == 200
    assert ann.get(reverse(f"{name}_add")).status_code == 403
    assert ann.post(address(row), {"mode": "live"}).status_code == 403
    assert ann.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_a_suspended_champion_says_why_wherever_it_is_shown(ann):
    version = made()
    suspend(MODEL, "it lost 12 USD to the rule", scope=SCOPE, now=NOW)
    assert "suspended it lost 12 USD to the rule" in listed(ann, ModelAlias)
    assert "Suspended because it lost 12 USD to the rule" in shown(ann, version)


def test_what_a_process_serves_is_told_with_why_it_abstains_and_silence_is_not_believed(ann):
    served()
    served(process="scan", abstains="expired: since 2026-03-25 12:00:00 UTC")
    served(process="old", seen_at=NOW - timedelta(hours=5))
    text = listed(ann, ServedModel)
    for told in ("judges", "abstains expired: since 2026-03-25", "silent the process ended or hangs", "5 h ago"):
        assert told in text, told


def test_a_sample_shows_its_labels_what_was_said_and_what_was_seen(ann):
    row = sample(
        {
            "success_probability": 0.31,
            "breakeven_probability": 0.45,
            "slippage_bps": 2.06,
            "slippage_range_bps": [0.4, 5.2],
            "versions": [[MODEL.value, "20260311_120000"], ["slippage_predictor", "20260310_120000"]],
            "abstained": [["profit_maximizer", "out_of_depth"]],
            "shadow": {"expected_net_usd": -0.5, "versions": [["profit_maximizer", "20260312_120000"]]},
            "explored": True,
        }
    )
    Sample.objects.filter(pk=row.pk).update(edge_at_latency_bps=-1.26, fillable_share_at_latency=0.5)
    text = shown(ann, row)
    for told in (
        "31.0% likely to earn, pays from 45.0% 20260311_120000 – –",
        "abstains the candidate is unlike anything that it was trained on – -$0.5 expected net 20260312_120000",
        "2.1 bps lost on the way, 8 times in 10 from 0.4 to 5.2",
        "traded by chance although the champions refused it",
        "Net after the delay -1.3 bps",
        "Still fillable 50.00%",
        "Gross bps unknown",
        "BTC/USD kraken → alpaca",
    ):
        assert told in text, told


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ({"abstained": "no_model"}, "No model judged it: there is no champion. The rules decided."),
        ({"abstained": "tampered"}, "its files are not those that were written"),
        ({"versions": 5}, "What is stored cannot be read"),
    ],
)
def test_where_no_model_judged_a_sentence_says_why(ann, scores, told):
    assert told in shown(ann, sample(scores))


def test_a_near_miss_has_no_opportunity(ann):
    assert "none: the rules would not have traded it" in shown(ann, sample(opportunity_id=None))


def performance(**changes) -> ModelPerformance:
    told = {
        "timestamp": NOW,
        "window_from": NOW - timedelta(days=1),
        "window_to": NOW,
        "alias": "champion",
        "model_name": MODEL.value,
        "model_version": "20260311_120000",
        "accuracy": 0.72,
        "n": 140,
        "n_executed": 40,
        "detail": {
            "judged": {"accuracy": {"value": 0.72, "low": 0.64, "high": 0.79, "n": 140}},
            "rule": {"accuracy": 0.5},
            "bins": [{"said": 0.4, "came": 0.5, "low": 0.3, "high": 0.7, "n": 140}],
            "psi": {"net_bps": 0.31, "skew_ms": 0.04, "gas_bps": 0.12},
            "abstained": {"out_of_depth": 7},
        },
    }
    return ModelPerformance.objects.create(**SCOPE.columns, **told | changes)


def attempt(**changes) -> TrainingAttempt:
    return TrainingAttempt.objects.create(
        **SCOPE.columns, attempted_at=NOW, model_name=MODEL.value, n_samples=31, **changes
    )


def test_a_validation_shows_the_rule_beside_it_and_the_drift_by_size(ann):
    text = shown(ann, performance())
    assert "accuracy 72.0% 64.0% to 79.0% 140 50.0%" in text
    assert "net bps 0.310 drifted gas bps 0.120 drifting skew ms 0.040 as in training" in text
    assert "Out of depth 7" in text


def test_amounts_are_drawn_on_a_scale_of_their_own(ann):
    bins = [{"said": -1.0, "came": -2.0, "low": -3.0, "high": -1.0, "n": 5}, {"said": 3.0, "came": 2.0, "n": 5}]
    text = shown(ann, performance(model_name="profit_maximizer", detail={"bins": bins}))
    assert "lie $1.00 off the diagonal on average" in text
    assert "said $3.00, came $2.00, 5 times" in text
    bps = shown(ann, performance(model_name="slippage_predictor", detail={"bins": bins}))
    assert "lie 1.0 bps off the diagonal" in bps


def test_a_failed_training_says_why(ann):
    attempt(why="too few outcomes: 31 executed and settled samples, 50 are needed, 19 are missing")
    assert "19 are missing" in listed(ann, TrainingAttempt)


def test_samples_are_narrowed_to_near_misses_and_to_what_settled(ann):
    sample()
    assert "0 samples" in listed(ann, Sample, "?kind__exact=near_miss")
    assert "1 sample" in listed(ann, Sample, "?kind__exact=opportunity")
    assert "0 samples" in listed(ann, Sample, "?settled_net_usd__isempty=0")


def champion() -> ModelVersion:
    return ModelAlias.objects.in_scope(SCOPE).get(model_name=MODEL.value, alias="champion").version


def said(answer) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]
