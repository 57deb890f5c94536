"""Training out of stored or simulated samples: one at a time, and what is trained is registered as a version."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Max

from domain.errors import BadInput, Refused, Unreachable
from domain.features import FEATURE_HASH
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.labelled import LabelledSample
from mlops.models import ModelVersion, TrainingAttempt
from mlops.selectors import labelled_samples, outcome_counts, outcomes_since
from mlops.services.versions import register
from mlops.serving.native import library
from mlops.training import NEEDED_OUTCOMES, TooFewOutcomes, Trained, train
from ops import locks

log = structlog.get_logger(__name__)

LOCK = "mlops.training"
UNDER_WAY = "another training is under way"
NOT_ENDED = "it was begun and never ended: the log of the ml worker says why"
USUAL_SEED = 0
USUAL_DAYS = 90  # of samples that a training looks back on
MOST_SAMPLES = 100_000  # the newest: what a training takes in minutes and in memory stays within bounds

Frame: TypeAlias = Any  # of pandas, which training alone imports
Told = Callable[[ModelName, str, int, int], None]  # of which model what is being done, and how many steps of how many


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What came of training one model; no version where nothing was to be registered."""

    trained: Trained
    version: ModelVersion | None

    @property
    def model(self) -> ModelName:
        """Return which model it is."""
        return self.trained.bundle.model_name


def not_told(model: ModelName, what: str, done: int, total: int) -> None:
    """Tell nobody how far a training is."""


def newest_samples(
    scope: Scope, first: datetime | None = None, last: datetime | None = None
) -> Sequence[LabelledSample]:
    """Return the labelled samples of a scope and span, oldest first; of very many the newest."""
    return deque(labelled_samples(scope, first, last), maxlen=MOST_SAMPLES)


def train_models(
    names: Iterable[ModelName],
    *,
    scope: Scope,
    samples: Sequence[LabelledSample],
    seed: int,
    now: datetime,
    is_synthetic: bool = False,
    registers: bool = True,
    told: Told = not_told,
) -> list[TrainedModel]:
    """Train each model on the samples and register all of them, or none.

    Raises: BadInput (TooFewOutcomes, OneClassOnly, BadFeatures, LooksAhead), Refused for simulated samples in live,
    Unreachable while another training is under way, and (as NoLightGBM) where this machine lacks LightGBM's library.
    """
    if is_synthetic and scope.mode is Mode.LIVE:
        raise Refused("live trades real money: a model of the simulated market is never trained for it")
    _require_outcomes(samples)
    library()  # LightGBM's own package would end in an error of no kind
    with locks.advisory(LOCK) as is_ours:
        if not is_ours:
            raise Unreachable(f"{UNDER_WAY}: try again when it has ended")
        frame = _frame_of(samples)
        trained = [_train(name, frame, seed, told) for name in names]
        return _registered(trained, scope, seed, is_synthetic, now) if registers else _unregistered(trained)


def train_anew(scope: Scope, *, now: datetime) -> list[TrainingAttempt]:
    """Try to train every model on the latest samples, and note what came of it; one that fails keeps no other back."""
    with locks.advisory(LOCK) as is_ours:  # each training takes it once more, which a session may
        if not is_ours:  # no attempt: what is due stays due, and is tried again within the minute
            log.info("training_put_off", scope=str(scope), why=UNDER_WAY)
            return []
        samples = newest_samples(scope, now - timedelta(days=USUAL_DAYS))
        return [_attempt(name, samples, scope, now) for name in ModelName]


def train_if_due(scope: Scope, *, now: datetime) -> list[TrainingAttempt]:
    """Try to train anew where as many outcomes as the settings ask for have come since that was last tried."""
    return train_anew(scope, now=now) if is_due(scope) else []


def is_due(scope: Scope) -> bool:
    """Return whether enough outcomes have come, in all and since the last training, tried or done."""
    if outcomes_since(scope, _last_trained(scope)) < settings.ARB.models.retrain_every:
        return False
    return outcome_counts(scope).executed >= NEEDED_OUTCOMES


def _last_trained(scope: Scope) -> datetime | None:
    ours = ModelVersion.objects.in_scope(scope).filter(is_synthetic=False, feature_hash=FEATURE_HASH)
    tried = TrainingAttempt.objects.in_scope(scope)
    known = ours.aggregate(at=Max("data_to"))["at"], tried.aggregate(at=Max("attempted_at"))["at"]
    return max((at for at in known if at is not None), default=None)


def _attempt(name: ModelName, samples: Sequence[LabelledSample], scope: Scope, now: datetime) -> TrainingAttempt:
    """Train one model; the attempt is a row first, or what ends the process would be tried again every minute."""
    attempt = TrainingAttempt.objects.create(
        **scope.columns, attempted_at=now, model_name=name.value, n_samples=len(samples), why=NOT_ENDED
    )
    try:
        (one,) = train_models([name], scope=scope, samples=samples, seed=USUAL_SEED, now=now)
        attempt.tag, attempt.why = one.version.tag if one.version else "", ""
    except (BadInput, Unreachable) as error:
        attempt.why = str(error)[:200]
        log.info("model_not_trained", model=name.value, scope=str(scope), why=attempt.why)
    attempt.save(update_fields=["tag", "why"])
    return attempt


def _require_outcomes(samples: Sequence[LabelledSample]) -> None:
    """Count before anything is imported. Raises: TooFewOutcomes."""
    have = sum(sample.executed and sample.settled_net_usd is not None for sample in samples)
    if have < NEEDED_OUTCOMES:
        raise TooFewOutcomes(have, NEEDED_OUTCOMES)


def _frame_of(samples: Sequence[LabelledSample]) -> Frame:
    from mlops.training.samples import frame_of  # late: pandas costs a second and 110 MB that few processes owe

    return frame_of(samples)


def _train(name: ModelName, frame: Frame, seed: int, told: Told) -> Trained:
    return train(name, frame, seed=seed, told=lambda what, done, total: told(name, what, done, total))


def _unregistered(trained: Iterable[Trained]) -> list[TrainedModel]:
    return [TrainedModel(one, None) for one in trained]


def _registered(
    trained: Iterable[Trained], scope: Scope, seed: int, is_synthetic: bool, now: datetime
) -> list[TrainedModel]:
    with transaction.atomic():
        return [
            TrainedModel(one, register(one, scope=scope, seed=seed, is_synthetic=is_synthetic, now=now))
            for one in trained
        ]
