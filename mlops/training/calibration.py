"""From what a booster says of rows it had not seen, and what came of them, to a table of probabilities."""

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from mlops.bundle import Calibration
from mlops.training.metrics import Floats

ISOTONIC_FROM = 4_000  # fewer rows than that make its steps a matter of chance
BETA_FROM = 300
LEAST = 30  # rows, below which nothing but their share can be told
_POINTS = 65
_EDGE = 1e-4  # no probability is nearer to 0 or 1


def calibrate(said: Floats, came: Floats) -> tuple[Calibration, str]:
    """Return the table from a booster's probability to a calibrated one, and the name of the method.

    The method is ``share`` (of what came, whatever is said), ``platt``, ``beta`` or ``isotonic``, by the count of rows.
    """
    known = np.isfinite(said)
    said, seen = said[known], came[known]
    if len(seen) < LEAST or len(np.unique(seen)) < 2:
        return _constant(float(came.mean())), "share"
    if len(seen) >= ISOTONIC_FROM:
        return _isotonic(said, seen), "isotonic"
    bent = _beta(said, seen) if len(seen) >= BETA_FROM else None
    return bent or _platt(said, seen) or (_constant(float(came.mean())), "share")


def _platt(said: Floats, came: Floats) -> tuple[Calibration, str] | None:
    """Fit a sigmoid over the log odds; None for a slope not above zero: that is no skill. Source: Platt 1999."""
    fitted = LogisticRegression(C=1e3).fit(_log_odds(said)[:, None], came)
    if fitted.coef_[0, 0] <= 0:
        return None
    points = _share_of(np.linspace(-7, 7, _POINTS))
    return _table(points, fitted.predict_proba(_log_odds(points)[:, None])[:, 1]), "platt"


def _beta(said: Floats, came: Floats) -> tuple[Calibration, str] | None:
    """Fit how far either end is stretched on its own; None where an end would turn back.

    Source: Kull, Silva Filho and Flach 2017, "Beta calibration".
    """
    fitted = LogisticRegression(C=1e3).fit(_two_ends(said), came)
    if fitted.coef_.min() <= 0:
        return None
    points = _share_of(np.linspace(-7, 7, _POINTS))
    return _table(points, fitted.predict_proba(_two_ends(points))[:, 1]), "beta"


def _two_ends(share: Floats) -> Floats:
    clipped = np.clip(share, _EDGE, 1 - _EDGE)
    return np.column_stack([np.log(clipped), -np.log(1 - clipped)])


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
    return _two_ends(share).sum(axis=1)


def _share_of(log_odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-log_odds))
