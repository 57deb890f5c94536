"""Stored outcomes whose worth follows their first feature, with what models said of them at the time."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from domain.features import FEATURE_HASH, FEATURE_NAMES, FEATURE_SET
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.models import Sample

SCOPE = Scope(Mode.SIM)

Saying = Callable[[int, float], Mapping[str, Any]]


def says_nothing(number: int, came: float) -> Mapping[str, Any]:
    """Return what a decision stores where there is no model."""
    return {"abstained": "no_model"}


def says_truth(tag: str, *, sure: float = 0.9) -> Saying:
    """Return scores that know what comes: all three models, each of them under ``tag``."""
    return lambda number, came: _scores(tag, sure if came > 0 else 1 - sure, came)


def says_the_opposite(tag: str, *, sure: float = 0.9) -> Saying:
    """Return scores that refuse what pays and let through what does not."""
    return lambda number, came: _scores(tag, 1 - sure if came > 0 else sure, -came)


def _scores(tag: str, probability: float, expected: float) -> Mapping[str, Any]:
    return {
        "success_probability": probability,
        "breakeven_probability": 0.5,
        "expected_net_usd": expected,
        "slippage_bps": 5.0 - 10 * expected,
        "slippage_range_bps": [-5.0 - 10 * expected, 15.0 - 10 * expected],
        "versions": [[model.value, tag] for model in ModelName],
    }


def store(
    count: int, *, first: datetime, saying: Saying = says_nothing, scope: Scope = SCOPE, seed: int = 5, **columns: Any
) -> None:
    """Store outcomes from ``first`` on, a minute apart on five routes; every other one was executed."""
    drawn = np.random.default_rng(seed).normal(size=(count, len(FEATURE_NAMES)))
    newest = Sample.objects.in_scope(scope).count()
    Sample.objects.bulk_create(
        Sample(**_columns(newest + number, row, first + timedelta(minutes=number), saying, scope) | columns)
        for number, row in enumerate(drawn, start=1)
    )


def _columns(number: int, drawn: np.ndarray, at: datetime, saying: Saying, scope: Scope) -> dict[str, Any]:
    came, is_executed = float(drawn[0]), number % 2 == 0
    return {
        **scope.columns,
        "route_key": f"route {number % 5}",
        "symbol": "BTC/USD",
        "timestamp": at,
        "opportunity_id": number,
        "feature_set": FEATURE_SET,
        "feature_hash": FEATURE_HASH,
        "features": dict(zip(FEATURE_NAMES, drawn.tolist(), strict=True)),
        "net_bps": 5.0,
        "notional_usd": Decimal(1000),
        "scores": saying(number, came),
        "executed": is_executed,
        "edge_at_latency_bps": 10 * came,
        "settled_net_usd": Decimal(f"{came:.6f}") if is_executed else None,
        "known_at": at + timedelta(seconds=1),
    }
