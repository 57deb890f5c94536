"""The rows of the models app, one file per aggregate."""

from mlops.models.performance import ModelPerformance
from mlops.models.sample import Sample

__all__ = ["ModelPerformance", "Sample"]
