"""Models as training hands them over, made without training: their files are sound, their boosters are no trees."""

from datetime import UTC, datetime

from domain.features import FEATURE_HASH, FEATURE_NAMES, FEATURE_SET
from domain.scores import ModelName
from mlops.bundle import Bundle, Calibration, Guard
from mlops.training import Trained

DATA_FROM, DATA_TO = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC)
N = len(FEATURE_NAMES)


def bundle(text="tree\n", **changes):
    told = {
        "model_name": ModelName.ROUTE_SUCCESS,
        "feature_set": FEATURE_SET,
        "feature_hash": FEATURE_HASH,
        "feature_names": FEATURE_NAMES,
        "boosters": {"probability": text},
        "guard": Guard((0.0,) * N, (1.0,) * N, (True,) * N, limit=3.0),
        "calibration": Calibration((0.0, 1.0), (0.1, 0.9)),
        "breakeven_probability": 0.4,
    }
    return Bundle(**told | changes)


def trained(made=None, **changes):
    told = {
        "bundle": made or bundle(),
        "metrics": {"n": 40, "auc": {"value": 0.7, "low": 0.6}, "bins": [1, 2], "is_sound": True},
        "has_skill": True,
        "why": "AUC 0.70 (0.60 to 0.80)",
        "data_from": DATA_FROM,
        "data_to": DATA_TO,
        "n_samples": 200,
        "n_executed": 60,
    }
    return Trained(**told | changes)
