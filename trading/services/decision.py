"""Decisions and near misses: what the pipeline makes of a route, handed from the reader of markets to the writer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from domain.detection import Candidate, DetectConfig
from domain.inventory import UNLIMITED, Holdings
from domain.scores import Abstained, Scores


@dataclass(frozen=True, slots=True)
class Decision:
    """A candidate that pays after every cost, what the models said of it, and why it may not be traded."""

    candidate: Candidate
    scores: Scores | Abstained
    reason: str  # why the rules or the models leave it alone; empty where they would trade
    decided_at_ns: int
    config: DetectConfig
    holdings: Holdings = UNLIMITED  # what its execution may use, looked at again when it is opened
    explored: bool = False  # the models refused it, and it is traded all the same to learn from

    @property
    def scores_json(self) -> dict[str, Any]:
        """Return what the models said, and whether they were overruled, ready for JSON."""
        said = scores_json(self.scores)
        return {**said, "explored": True} if self.explored else said


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A route whose edge falls short by little, as it would have been traded; sampled for the models, never traded."""

    candidate: Candidate
    scores: Scores | Abstained
    decided_at_ns: int
    config: DetectConfig


def scores_json(scores: Scores | Abstained) -> dict[str, Any]:
    """Return what the models said ready for JSON, without what they did not say."""
    if isinstance(scores, Abstained):
        return _without_nothing({"abstained": scores.reason, "shadow": scores.shadow and scores_json(scores.shadow)})
    shadow = scores.shadow and scores_json(scores.shadow)
    return _without_nothing({**asdict(scores), "shadow": shadow})


def _without_nothing(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value not in (None, ())}
