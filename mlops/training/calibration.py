"""From what a booster says of rows it had not seen, and what came of them, to a table of probabilities."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from mlops.bundle import Calibration

Floats: TypeAlias = NDArray[np.float64]

ISOTONIC_FROM = 10_000  # fewer rows than that make its steps a matter of chance
LEAST = 30  # rows, below which nothing but their share can be told
_POINTS = 65
_EDGE = 1e-4  # no probability is nearer to 0 or 1


def calibrate(said: Floats, came: Floats) -> tuple[Calibration, str]:
    """Return the table from a booster's probability to a calibrated one, and the name of the method.

    The method is ``share`` (of what came, whatever is said), ``platt`` or ``isotonic``, by the count of the rows.
    """
    known = np.isfinite(said)
    if known.sum() < LEAST or len(np.unique(came[known])) < 2:
        return _constant(float(came.mean())), "share"
    if known.sum() < ISOTONIC_FROM:
        return _platt(said[known], came[known]), "platt"
    return _isotonic(said[known], came[known]), "isotonic"


def _platt(said: Floats, came: Floats) -> Calibration:
    """Fit a sigmoid over the log odds. Source: Platt 1999; a slope below zero is no skill at all."""
    fitted = LogisticRegression(C=1e3).fit(_log_odds(said)[:, None], came)
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope <= 0:
        return _constant(float(came.mean()))
    points = np.linspace(-7, 7, _POINTS)
    return _table(_share_of(points), _share_of(slope * points + intercept))


def _isotonic(said: Floats, came: Floats) -> Calibration:
    fitted = IsotonicRegression(y_min=_EDGE, y_max=1 - _EDGE).fit(said, came)
    return _table(fitted.X_thresholds_, fitted.y_thresholds_)


def _table(scores: Floats, probabilities: Floats) -> Calibration:
    kept, first = np.unique(scores, return_index=True)
    rising = np.maximum.accumulate(np.clip(probabilities[first], _EDGE, 1 - _EDGE))
    return Calibration(scores=tuple(kept.tolist()), probabilities=tuple(rising.tolist()))


def _constant(share: float) -> Calibration:
    return _table(np.array([0.0, 1.0]), np.array([share, share]))


def _log_odds(share: Floats) -> Floats:
    clipped = np.clip(share, _EDGE, 1 - _EDGE)
    return np.log(clipped / (1 - clipped))


def _share_of(log_odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-log_odds))
