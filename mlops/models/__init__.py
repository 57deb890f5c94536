"""The rows of the models app, one file per aggregate."""

from mlops.models.attempt import TrainingAttempt
from mlops.models.performance import ModelPerformance
from mlops.models.sample import Sample, SampleKind
from mlops.models.version import Alias, ModelAlias, ModelVersion, ServedModel

__all__ = [
    "Alias",
    "ModelAlias",
    "ModelPerformance",
    "ModelVersion",
    "Sample",
    "SampleKind",
    "ServedModel",
    "TrainingAttempt",
]
