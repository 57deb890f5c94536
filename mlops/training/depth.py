"""The guard of a model: the centre and the scale of each feature it was trained on, and how far is too far."""

from dataclasses import replace

import numpy as np

from mlops.bundle import Guard
from mlops.training.metrics import Floats

MARGIN = 1.25
_QUANTILE = 0.999
_PER_IQR = 1.349  # a normal distribution's quartiles lie so many deviations apart


def guard_of(features: Floats) -> Guard:
    """Return the guard that lets 99.9 % of these rows through, with a margin. Shapes: (n, n_features)."""
    stated = [_centre_and_scale(column[np.isfinite(column)]) for column in features.T]
    guard = Guard(
        centres=tuple(centre for centre, _ in stated),
        scales=tuple(scale for _, scale in stated),
        may_be_unknown=tuple(bool(np.isnan(column).any()) for column in features.T),
        limit=np.inf,
    )
    distances = [guard.distance(row) for row in features.tolist()]
    return replace(guard, limit=MARGIN * float(np.quantile(distances, _QUANTILE)))


def _centre_and_scale(known: Floats) -> tuple[float, float]:
    """Return the median, and the quartiles' distance as a deviation; the deviation itself where most are the same."""
    if not len(known):
        return 0.0, 1.0
    low, centre, high = np.quantile(known, [0.25, 0.5, 0.75])
    scale = (high - low) / _PER_IQR or known.std()
    return float(centre), float(scale) if scale > 1e-9 * max(abs(centre), 1.0) else max(abs(float(centre)), 1.0)
