"""Labelled samples as a frame: one row each, oldest first, the features as columns of their own names."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from domain.features import FEATURE_NAMES
from mlops.labelled import LabelledSample

COLUMNS = {  # of a frame, beside the features, and the attribute of a sample that each shows
    "route": "route_key",
    "timestamp": "timestamp",
    "known_at": "known_at",
    "is_opportunity": "is_opportunity",
    "executed": "executed",
    "planned_usd": "planned_usd",
    "worth_usd": "worth_usd",
    "lost_bps": "lost_bps",
}
_INSTANTS = ("timestamp", "known_at")
_NUMBERS = ("planned_usd", "worth_usd", "lost_bps")


def frame_of(samples: Iterable[LabelledSample]) -> pd.DataFrame:
    """Return the samples as a frame, by time and then by route; unknown labels and features are ``nan``."""
    kept = sorted(samples, key=lambda sample: (sample.timestamp, sample.route_key))
    told: dict[str, Any] = {
        column: [getattr(sample, attribute) for sample in kept] for column, attribute in COLUMNS.items()
    }
    told |= {name: pd.to_datetime(pd.Series(told[name], dtype=object), utc=True) for name in _INSTANTS}
    told |= {name: pd.Series(told[name], dtype=float) for name in _NUMBERS}
    features = pd.DataFrame([sample.features.values for sample in kept], columns=list(FEATURE_NAMES), dtype=float)
    return pd.concat([pd.DataFrame(told), features], axis=1)
