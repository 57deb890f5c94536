"""What the ml worker runs; what trains, measures or mirrors is imported late, for every worker reads this module."""

from datetime import UTC, datetime

from celery import shared_task
from django.conf import settings

from mlops.services import mirroring, training

LIMITS = {"soft_time_limit": 540, "time_limit": 600}  # below the time after which a message is handed on
ONCE = {"acks_late": False}  # what took its process down, such as too much memory, would only do so again


def load_libraries() -> None:
    """Import what training, measuring and MLflow take: three seconds of processor time, and 200 MB."""
    from mlops import registry
    from mlops.services import validation, watching  # noqa: F401
    from mlops.training import recipe  # noqa: F401

    registry.load_library()


@shared_task(name="mlops.train", **LIMITS, **ONCE)
def train() -> None:
    """Train every model anew."""
    training.train_anew(settings.ARB.scope, now=datetime.now(UTC))


@shared_task(name="mlops.train_when_due", **LIMITS, **ONCE)
def train_when_due() -> None:
    """Train every model anew where enough outcomes have come since the last training."""
    training.train_if_due(settings.ARB.scope, now=datetime.now(UTC))


@shared_task(name=mirroring.TASK, **LIMITS)
def mirror(version_id: int) -> None:
    """Tell MLflow about one version."""
    mirroring.mirror(version_id)


@shared_task(name="mlops.mirror_pending", **LIMITS)
def mirror_pending() -> None:
    """Tell MLflow what it has not heard of."""
    mirroring.mirror_pending(settings.ARB.scope.mode)


@shared_task(name="mlops.watch", **LIMITS)
def watch() -> None:
    """Measure what the models said against what came, and suspend a champion that loses to the rule."""
    from mlops.services import watching  # late: numpy, which no other worker owes

    watching.watch(settings.ARB.scope, now=datetime.now(UTC))


@shared_task(name="mlops.validate_models", **LIMITS)
def validate_models() -> None:
    """Report on every model over the last week."""
    from mlops.services import validation  # late: as above, and what draws plots

    validation.validate_and_keep(settings.ARB.scope, now=datetime.now(UTC))
