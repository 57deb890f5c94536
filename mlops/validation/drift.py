"""How far the features have moved from what a version was trained on, and how much of what it leans on that is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domain.features import FEATURE_NAMES
from mlops.labelled import LabelledSample
from mlops.measures import MOST_PSI
from mlops.training.metrics import psi

LEAST_SAMPLES = 200  # fewer show a shift by chance
LEAST_WEIGHT = 0.1  # of what the model leans on: a shift in what it hardly looks at is no news


def psi_of(metrics: Mapping[str, Any], samples: Sequence[LabelledSample]) -> dict[str, float]:
    """Return each feature's stability index against the training data that ``metrics`` of the version describe."""
    if not samples:
        return {}
    values = np.array([sample.features.values for sample in samples], dtype=np.float64)
    columns = dict(zip(FEATURE_NAMES, values.T, strict=True))
    histograms: Mapping[str, Any] = metrics.get("drift") or {}
    return {name: psi(histogram, columns[name]) for name, histogram in histograms.items() if name in columns}


def drifted(indices: Mapping[str, float]) -> list[str]:
    """Return the features that have drifted, the farthest first."""
    return sorted((name for name, index in indices.items() if index > MOST_PSI), key=lambda name: -indices[name])


def weight_of(names: Sequence[str], metrics: Mapping[str, Any]) -> float:
    """Return the share of what a version leans on that these features are; all of it where that was not kept."""
    importance: Mapping[str, float] = metrics.get("importance") or {}
    return sum(importance.get(name, 0.0) for name in names) if importance else float(bool(names))
