"""What any model must beat: what the rule believes, a constant, a route's last outcome, and a straight line."""

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from domain.scores import ModelName
from mlops.training.metrics import QUANTILES, Floats
from mlops.training.problems import Problem

_CUT = {"a_min": -5.0, "a_max": 5.0}  # deviations; a straight line is not led astray by what lies further out


def constant(model: ModelName, train: Problem, test: Problem) -> Floats:
    """Return what the training rows say on average: the base rate, the mean, or their quantiles."""
    return _spread(model, train.target, np.full(len(test), _centre(model, train.target)))


def rule(model: ModelName, train: Problem, test: Problem) -> Floats:
    """Return what the rules believe: every trade succeeds, nets what was planned and slips by nothing."""
    return _spread(model, train.target, test.promised)


def last_value(model: ModelName, whole: Problem, test: Problem) -> Floats:
    """Return what came last of the same route and was known at the decision; the constant where nothing was."""
    said = np.full(len(test), _centre(model, whole.target[whole.timeline.at_ns < test.timeline.at_ns[0]]))
    for route in np.unique(test.routes):
        rows, asked = np.flatnonzero(whole.routes == route), np.flatnonzero(test.routes == route)
        rows = rows[np.argsort(whole.timeline.ready_ns[rows], kind="stable")]
        place = np.searchsorted(whole.timeline.ready_ns[rows], test.timeline.at_ns[asked], side="left")
        known = place > 0
        said[asked[known]] = whole.target[rows[place[known] - 1]]
    return _spread(model, whole.target, said)


def linear(model: ModelName, train: Problem, test: Problem) -> Floats:
    """Return what a regularised straight line over the features says; unknown features count as the median."""
    if model is ModelName.ROUTE_SUCCESS:
        line = _line(LogisticRegression(C=0.1, max_iter=200)).fit(train.features, train.target)
        return np.asarray(line.predict_proba(test.features)[:, 1])
    line = _line(Ridge(alpha=10.0)).fit(train.features, train.target)
    left = train.target - line.predict(train.features)
    return _spread(model, left, line.predict(test.features) + (np.median(left) if model is ModelName.SLIPPAGE else 0))


def _line(last: LogisticRegression | Ridge) -> Pipeline:
    known = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(known, StandardScaler(), FunctionTransformer(np.clip, kw_args=_CUT), last)


def _centre(model: ModelName, target: Floats) -> float:
    return float(np.median(target) if model is ModelName.SLIPPAGE else target.mean())


def _spread(model: ModelName, around: Floats, middle: Floats) -> Floats:
    """Lay the quantiles of what was seen around the middle, where it is quantiles that are said."""
    if model is not ModelName.SLIPPAGE:
        return middle
    return middle[:, None] + (np.quantile(around, QUANTILES) - np.median(around))
