"""The features of a row, in their own order, which stored JSON forgets."""

from collections.abc import Mapping

from domain.features import FEATURE_NAMES
from ops.admin import figures
from ops.admin.panels import Facts


def features_of(stored: Mapping[str, float | None], feature_set: str) -> Facts:
    """Return the features of a row; one of an older set comes last."""
    order = {name: place for place, name in enumerate(FEATURE_NAMES)}
    names = sorted(stored, key=lambda name: order.get(name, len(order)))
    return Facts(f"Features {feature_set}", [(figures.words(name), _feature(stored[name])) for name in names])


def _feature(value: float | None) -> str:
    return "unknown" if value is None else figures.shown("", value)
