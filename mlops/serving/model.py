"""One model in memory: its boosters, its calibration and its guard, asked about one candidate at a time."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Self, TypedDict

from domain.features import FEATURE_HASH, FEATURE_NAMES, FeatureVector
from domain.scores import Abstained, ModelName
from mlops.bundle import BadBundle, Bundle, Calibration, Guard
from mlops.serving.booster_text import BrokenBooster
from mlops.serving.native import Booster, Row, row_of

ROLES: Mapping[ModelName, tuple[str, ...]] = {
    ModelName.ROUTE_SUCCESS: ("probability",),
    ModelName.PROFIT: ("mean",),
    ModelName.SLIPPAGE: ("q10", "q50", "q90"),
}


class Said(TypedDict, total=False):
    """The fields of ``Scores`` that one model fills in."""

    success_probability: float
    breakeven_probability: float | None
    expected_net_usd: float
    slippage_bps: float
    slippage_range_bps: tuple[float, float]


class Model:
    """A bundle that is ready to judge, from any thread.

    Raises: BadBundle, its reason wrong_features or broken; NoLightGBM.
    """

    def __init__(self, bundle: Bundle) -> None:
        try:
            _check(bundle)
        except (TypeError, AttributeError) as error:  # JSON of the right names holds other kinds of values
            raise BadBundle("broken", str(error)) from None
        self.bundle = bundle
        try:
            self.boosters = [
                Booster(bundle.boosters[role], n_features=len(FEATURE_NAMES)) for role in ROLES[bundle.model_name]
            ]
        except BrokenBooster as error:
            raise BadBundle("broken", str(error)) from None
        self._distance, self._limit = bundle.guard.distance, bundle.guard.limit
        self._said = _SAYERS[bundle.model_name]

    @classmethod
    def open(cls, directory: Path, file_hash: str) -> Self:
        """Return the model whose files have that hash. Raises: BadBundle; NoLightGBM."""
        return cls(Bundle.read(directory, file_hash))

    def judge(self, features: FeatureVector) -> Said | Abstained:
        """Return what it says of a candidate; Abstained where that is too unlike what it was trained on."""
        return self.judge_row(features.values, row_of(features.values))

    def judge_row(self, values: Sequence[float], row: Row) -> Said | Abstained:
        """Return the same for values that are a row already: one row serves all models."""
        if not self._distance(values) <= self._limit:
            return Abstained("out_of_depth")
        answers = [booster.predict(row) for booster in self.boosters]
        if not all(map(math.isfinite, answers)):
            return Abstained("not_a_number")
        return self._said(answers, self.bundle)


def _success(answers: Sequence[float], bundle: Bundle) -> Said:
    assert bundle.calibration is not None  # checked when it was opened
    probability = bundle.calibration(answers[0])
    return {"success_probability": probability, "breakeven_probability": bundle.breakeven_probability}


def _profit(answers: Sequence[float], bundle: Bundle) -> Said:
    return {"expected_net_usd": answers[0]}


def _slippage(answers: Sequence[float], bundle: Bundle) -> Said:
    low, median, high = sorted(answers)  # quantiles are fitted one by one, and may cross
    return {"slippage_bps": median, "slippage_range_bps": (low, high)}


_SAYERS: Mapping[ModelName, Callable[[Sequence[float], Bundle], Said]] = {
    ModelName.ROUTE_SUCCESS: _success,
    ModelName.PROFIT: _profit,
    ModelName.SLIPPAGE: _slippage,
}


def _check(bundle: Bundle) -> None:
    if (bundle.feature_hash, bundle.feature_names) != (FEATURE_HASH, FEATURE_NAMES):
        raise BadBundle("wrong_features", f"it was trained on feature set {bundle.feature_set}, which is not ours")
    if set(bundle.boosters) != set(ROLES[bundle.model_name]):
        raise BadBundle("broken", f"its boosters are {', '.join(sorted(bundle.boosters)) or 'none'}")
    if not _is_sound(bundle.guard):
        raise BadBundle("broken", "its guard does not fit its features")
    is_classifier = bundle.model_name is ModelName.ROUTE_SUCCESS
    if is_classifier and not _is_table(bundle.calibration):
        raise BadBundle("broken", "its calibration is no rising table of probabilities")
    breakeven = bundle.breakeven_probability
    if is_classifier and not (breakeven is None or 0 <= breakeven <= 1):
        raise BadBundle("broken", f"its break-even probability is {breakeven}")


def _is_sound(guard: Guard) -> bool:
    n_features = len(FEATURE_NAMES)
    columns = (guard.centres, guard.scales, guard.may_be_unknown)
    is_whole = all(len(column) == n_features for column in columns)
    above_zero = (*guard.scales, guard.limit, guard.cut)
    return is_whole and all(map(math.isfinite, guard.centres)) and all(0 < value < math.inf for value in above_zero)


def _is_table(calibration: Calibration | None) -> bool:
    if calibration is None or not 0 < len(calibration.scores) == len(calibration.probabilities):
        return False
    scores, shares = calibration.scores, calibration.probabilities
    rises = all(low < high for low, high in pairwise(scores))
    never_falls = all(low <= high for low, high in pairwise(shares))
    return rises and never_falls and shares[0] >= 0 and shares[-1] <= 1
