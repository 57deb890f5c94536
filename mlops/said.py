"""What the models said as a decision's row keeps it, and as values again: champions', or challengers' beside them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from domain.errors import BadInput
from domain.scores import Abstained, ModelName, Scores

SHADOW, ABSTAINED, EXPLORED = "shadow", "abstained", "explored"


def scores_stored(scores: Scores | Abstained, *, explored: bool = False) -> dict[str, Any]:
    """Return what was said ready for JSON, without what was not; ``explored`` where the champions were overruled."""
    own = {ABSTAINED: scores.reason} if isinstance(scores, Abstained) else asdict(scores)
    shadow = None if scores.shadow is None else scores_stored(scores.shadow)
    told = own | {SHADOW: shadow, EXPLORED: explored or None}
    return {name: value for name, value in told.items() if value not in (None, ())}


def scores_said(stored: Mapping[str, Any], *, in_shadow: bool = False) -> Scores:
    """Return what was said at a decision; where nobody judged, every model abstained for the one stored reason.

    Raises: BadInput where this is not what a decision stores.
    """
    try:
        told = stored.get(SHADOW) or {} if in_shadow else stored
        return _scores(told)
    except (TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"these are not a decision's scores: {error}") from None


def _scores(told: Mapping[str, Any]) -> Scores:
    span = told.get("slippage_range_bps")
    return Scores(
        success_probability=_number(told.get("success_probability")),
        breakeven_probability=_number(told.get("breakeven_probability")),
        expected_net_usd=_number(told.get("expected_net_usd")),
        slippage_bps=_number(told.get("slippage_bps")),
        slippage_range_bps=None if span is None else (float(span[0]), float(span[1])),
        versions=tuple((str(model), str(tag)) for model, tag in told.get("versions") or ()),
        abstained=_abstained(told.get(ABSTAINED) or ()),
    )


def _abstained(told: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(told, str):
        return tuple((model.value, told) for model in ModelName)
    return tuple((str(model), str(reason)) for model, reason in told)


def _number(told: Any) -> float | None:
    return None if told is None else float(told)
