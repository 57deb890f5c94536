"""A small world of outcomes and of scores that know something of them, drawn from a seed."""

import math
import random
from datetime import UTC, datetime, timedelta

from domain.features import FEATURE_NAMES, FeatureVector
from domain.scope import Mode, Scope
from domain.scores import ModelName, Scores
from mlops.labelled import LabelledSample
from mlops.validation.effect import Judged
from mlops.validation.figures import Report, Subject
from mlops.validation.report import Version, report_of

SCOPE = Scope(Mode.SIM)
START = datetime(2026, 3, 1, tzinfo=UTC)
TAG = "20260228_031000"
BREAKEVEN = 0.45
TAGS = {model.value: TAG for model in ModelName}


def sample(number: int = 0, **changes: object) -> LabelledSample:
    """Return one executed opportunity that earned what was planned."""
    told = {
        "route_key": f"kraken:{'BTC' if number % 2 else 'ETH'}/USD>alpaca:BTC/USD",
        "symbol": "BTC/USD",
        "timestamp": START + timedelta(minutes=7 * number),
        "kind": "opportunity",
        "features": FeatureVector((1.0,) * len(FEATURE_NAMES)),
        "net_bps": 10.0,
        "notional_usd": 1_000.0,
        "executed": True,
        "edge_at_latency_bps": 10.0,
        "fillable_share_at_latency": 1.0,
        "settled_net_usd": 1.0,
    }
    return LabelledSample(**told | changes)


def world(count: int, *, skill: float = 1.0, seed: int = 7) -> list[Judged]:
    """Return outcomes whose chance of success the scores know in part: with no skill they know nothing."""
    draws = random.Random(seed)
    return [_one(number, skill, draws) for number in range(count)]


def _one(number: int, skill: float, draws: random.Random) -> Judged:
    known = draws.gauss(0, 1.6 * skill)
    chance = 1 / (1 + math.exp(-known))
    came_bps = (8 if draws.random() < chance else -9) + draws.gauss(0, 2)
    kind = "near_miss" if number % 5 == 4 else "opportunity"
    is_executed = kind == "opportunity" and number % 3 == 0
    told = sample(
        number,
        kind=kind,
        executed=is_executed,
        edge_at_latency_bps=came_bps,
        settled_net_usd=came_bps / 10 + draws.gauss(0, 0.1) if is_executed else None,
    )
    expected_bps = chance * 8 - (1 - chance) * 9
    said = Scores(
        success_probability=chance,
        breakeven_probability=BREAKEVEN,
        expected_net_usd=expected_bps / 10,
        slippage_bps=10 - expected_bps,
        slippage_range_bps=(10 - expected_bps - 12, 10 - expected_bps + 12),
        versions=tuple(TAGS.items()),
    )
    return Judged(told, said)


def report(count: int = 1_200, **changes: object) -> Report:
    """Return the report on such a world by three champions."""
    judged = world(count, **changes)
    versions = [
        Version(Subject(model, TAG, "champion", None, START - timedelta(days=1)), judged) for model in ModelName
    ]
    return report_of(
        versions,
        [one.sample for one in judged],
        scope=SCOPE,
        first=START,
        last=START + timedelta(days=7),
        created_at=START + timedelta(days=8),
    )
