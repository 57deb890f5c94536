"""Training out of rows: what is due, what is registered, and that there is never more than one training."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from django.db import connection

from domain.errors import Refused, Unreachable
from domain.features import FEATURE_HASH, FEATURE_NAMES, FEATURE_SET, FeatureVector
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.labelled import LabelledSample
from mlops.models import ModelVersion, Sample, TrainingAttempt
from mlops.services import training
from mlops.serving.native import NoLightGBM
from mlops.training import BadFeatures, OneClassOnly, TooFewOutcomes
from ops import locks

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
SIM = Scope(Mode.SIM)


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path / "models"))


def sample(number: int, **changes) -> LabelledSample:
    """Return a sample whose success follows from its first feature, but for some chance."""
    rng = Random(number)
    values = tuple(rng.gauss(0.0, 1.0) for _ in FEATURE_NAMES)
    left_bps = 8 * values[0] + rng.gauss(0.0, 8.0)
    at = NOW - timedelta(days=3) + timedelta(minutes=2 * number)
    told = {
        "route_key": f"kraken:{number % 5}/USD>alpaca:{number % 5}/USD",
        "symbol": f"{number % 5}/USD",
        "timestamp": at,
        "kind": "opportunity",
        "features": FeatureVector(values),
        "net_bps": 10.0,
        "notional_usd": 500.0,
        "executed": True,
        "edge_at_latency_bps": left_bps,
        "settled_net_usd": left_bps / 20,
        "slippage_bps": 10 - left_bps,
        "known_at": at + timedelta(milliseconds=250),
    }
    return LabelledSample(**told | changes)


def keep(samples, *, scope=SIM) -> None:
    Sample.objects.bulk_create(
        Sample(
            **scope.columns,
            kind=one.kind,
            route_key=one.route_key,
            symbol=one.symbol,
            timestamp=one.timestamp,
            opportunity_id=number,
            feature_set=FEATURE_SET,
            feature_hash=FEATURE_HASH,
            features=one.features.as_dict(),
            net_bps=one.net_bps,
            notional_usd=Decimal(500),
            executed=one.executed,
            edge_at_latency_bps=one.edge_at_latency_bps,
            settled_net_usd=None if one.settled_net_usd is None else Decimal(repr(round(one.settled_net_usd, 6))),
            slippage_bps=one.slippage_bps,
            known_at=one.known_at,
        )
        for number, one in enumerate(samples, start=Sample.objects.count() + 1)
    )


def train(samples, *names: ModelName, scope=SIM, **changes):
    told = {"scope": scope, "samples": samples, "seed": 1, "now": NOW} | changes
    return training.train_models(names or list(ModelName), **told)


@pytest.mark.django_db
def test_each_model_that_is_trained_becomes_a_version_with_its_files(settings):
    found = train([sample(number) for number in range(240)])
    assert [one.model for one in found] == list(ModelName)
    assert {row.file_hash for row in ModelVersion.objects.all()} == {one.trained.bundle.file_hash for one in found}
    assert {path.name for path in settings.ARB.models.directory.iterdir()} == {
        one.trained.bundle.file_hash for one in found
    }


@pytest.mark.django_db
def test_the_same_samples_and_seed_give_the_same_files_under_another_tag():
    samples = [sample(number) for number in range(120)]
    (first,), (again,) = (train(samples, ModelName.ROUTE_SUCCESS) for _ in range(2))
    assert first.version.file_hash == again.version.file_hash
    assert first.version.tag != again.version.tag


@pytest.mark.django_db
def test_what_is_only_tried_registers_nothing():
    (found,) = train([sample(number) for number in range(120)], ModelName.PROFIT, registers=False)
    assert found.version is None
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("samples", "error", "said"),
    [
        ([], TooFewOutcomes, "0 executed"),
        ([sample(number) for number in range(49)], TooFewOutcomes, "49 executed.*1 are missing"),
        ([sample(number, executed=False, settled_net_usd=None) for number in range(90)], TooFewOutcomes, "0 executed"),
        (
            [sample(number, settled_net_usd=1.0, edge_at_latency_bps=20.0) for number in range(90)],
            OneClassOnly,
            "all 90",
        ),
        (
            [sample(number, features=FeatureVector((float("inf"),) * len(FEATURE_NAMES))) for number in range(90)],
            BadFeatures,
            "of 90 samples",
        ),
    ],
)
def test_what_cannot_be_learnt_from_registers_nothing_and_says_so_with_counts(samples, error, said, settings):
    with pytest.raises(error, match=said):
        train(samples)
    assert not ModelVersion.objects.exists()
    assert not settings.ARB.models.directory.exists()


@pytest.mark.django_db
def test_a_machine_without_lightgbm_is_said_and_noted(monkeypatch):
    def absent() -> None:
        raise NoLightGBM("LightGBM's library cannot be used: libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(training, "library", absent)
    with pytest.raises(NoLightGBM, match="libgomp"):
        train([sample(number) for number in range(90)])
    keep(sample(number) for number in range(60))
    assert all("libgomp" in one.why for one in training.train_anew(SIM, now=NOW))
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_simulated_samples_are_never_learnt_from_for_live():
    with pytest.raises(Refused, match="never trained"):
        train([sample(number) for number in range(90)], scope=Scope(Mode.LIVE), is_synthetic=True)


@pytest.fixture
def another_training():
    """Hold the lock from another session, as a training by hand does."""
    held, done = threading.Event(), threading.Event()

    def other() -> None:
        with locks.advisory(training.LOCK) as is_ours:
            assert is_ours
            held.set()
            done.wait(30)
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    assert held.wait(30)
    yield
    done.set()
    thread.join()


@pytest.mark.django_db(transaction=True)
def test_two_trainings_never_run_at_once(another_training):
    with pytest.raises(Unreachable, match="another training"):
        train([sample(number) for number in range(90)])


@pytest.mark.django_db(transaction=True)
def test_a_training_that_is_due_while_another_runs_stays_due(another_training):
    keep(sample(number) for number in range(60))
    assert training.train_if_due(SIM, now=NOW) == []
    assert training.is_due(SIM)
    assert not TrainingAttempt.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_too_few_outcomes_are_counted_before_the_lock_is_taken(another_training):
    with pytest.raises(TooFewOutcomes):
        train([sample(number) for number in range(49)])


@pytest.mark.django_db
def test_training_is_due_once_enough_outcomes_came_and_not_again_before_as_many_more(settings):
    every = settings.ARB.models.retrain_every
    keep(sample(number) for number in range(49))
    assert not training.is_due(SIM)
    keep([sample(49)])
    assert training.is_due(SIM)
    train(training.newest_samples(SIM), ModelName.PROFIT)
    assert not training.is_due(SIM)
    keep(sample(number) for number in range(50, 49 + every))
    assert not training.is_due(SIM)
    keep([sample(49 + every)])
    assert training.is_due(SIM)
    assert not training.is_due(Scope(Mode.DRY_RUN))


@pytest.mark.django_db
def test_a_model_of_the_simulated_market_does_not_put_off_the_first_training():
    keep(sample(number) for number in range(60))
    train(training.newest_samples(SIM), ModelName.PROFIT, is_synthetic=True)
    assert training.is_due(SIM)


@pytest.mark.django_db
def test_one_model_that_cannot_be_trained_keeps_no_other_back_and_is_not_tried_every_minute():
    keep(sample(number, settled_net_usd=1 + number / 100) for number in range(90))
    attempts = {one.model_name: one for one in training.train_if_due(SIM, now=NOW)}
    assert "one class only" in attempts["route_success_predictor"].why
    assert attempts["profit_maximizer"].tag == ModelVersion.objects.get(model_name="profit_maximizer").tag
    assert TrainingAttempt.objects.in_scope(SIM).count() == 3
    assert training.train_if_due(SIM, now=NOW + timedelta(minutes=1)) == []


@pytest.mark.django_db
def test_an_error_nobody_foresaw_is_not_met_again_every_minute(monkeypatch):
    keep(sample(number) for number in range(60))
    monkeypatch.setattr(training, "_frame_of", lambda samples: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        training.train_if_due(SIM, now=NOW)
    assert TrainingAttempt.objects.get().why == training.NOT_ENDED
    assert training.train_if_due(SIM, now=NOW + timedelta(minutes=1)) == []


@pytest.mark.django_db
def test_a_folder_that_takes_no_files_is_named_and_nothing_is_registered(settings, tmp_path):
    (tmp_path / "file").write_text("no folder")
    settings.ARB = replace(settings.ARB, models=replace(settings.ARB.models, directory=tmp_path / "file"))
    with pytest.raises(Unreachable, match="cannot be written"):
        train([sample(number) for number in range(90)], ModelName.PROFIT)
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_the_night_trains_on_the_latest_days_alone_and_says_what_was_missing():
    keep(sample(number, timestamp=NOW - timedelta(days=200, minutes=number)) for number in range(60))
    attempts = training.train_anew(SIM, now=NOW)
    assert {one.n_samples for one in attempts} == {0}
    assert all("50 are missing" in one.why for one in attempts)


@pytest.mark.django_db
def test_of_very_many_samples_the_newest_are_taken(monkeypatch):
    keep(sample(number) for number in range(30))
    monkeypatch.setattr(training, "MOST_SAMPLES", 10)
    found = training.newest_samples(SIM)
    assert [one.timestamp for one in found] == [sample(number).timestamp for number in range(20, 30)]
