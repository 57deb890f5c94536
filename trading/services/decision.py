"""Decisions and near misses: what the pipeline makes of a route, handed from the reader of markets to the writer."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A route whose edge falls short by little, as it would have been traded; sampled for the models, never traded."""

    candidate: Candidate
    scores: Scores | Abstained
    decided_at_ns: int
    config: DetectConfig
