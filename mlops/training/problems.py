"""What each model is to learn, out of a frame: features, target, time and what is needed to judge it; checked."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from domain.features import FEATURE_NAMES, MAY_BE_UNKNOWN
from domain.scores import ModelName
from domain.timestamps import from_ns
from mlops.training import NEEDED_OUTCOMES
from mlops.training.errors import BadFeatures, OneClassOnly, TooFewOutcomes
from mlops.training.metrics import Floats
from mlops.training.splits import GAP_NS, Timeline

Flags: TypeAlias = NDArray[np.bool_]

LARGEST = 1e12  # of a feature: squares and their sums stay exact enough, and no market comes near it


@dataclass(frozen=True, slots=True)
class Problem:
    """The labelled samples of one model, by time.

    Shapes: features (n, n_features), everything else (n,).
    """

    features: Floats
    target: Floats  # success as 0 and 1; USD; basis points lost
    promised: Floats  # what the rules expect of the target: success, the planned net, no slippage
    worth_usd: Floats  # settled where executed, else what the plan would have netted after the delay
    executed: Flags
    is_opportunity: Flags
    routes: NDArray[np.str_]
    timeline: Timeline

    def __len__(self) -> int:
        return len(self.target)

    def taken(self, rows: NDArray[Any]) -> "Problem":
        """Return these rows alone."""
        return replace(self, **{one.name: _taken(getattr(self, one.name), rows) for one in fields(self)})

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Return the first and the last decision."""
        return from_ns(int(self.timeline.at_ns[0])), from_ns(int(self.timeline.at_ns[-1]))

    @property
    def breakeven_probability(self) -> float:
        """Return the share of wins from which on a trade pays on average, by the mean win and loss of the executed."""
        nets = self.worth_usd[self.executed]
        loss, win = -nets[nets <= 0].sum(), nets[nets > 0].sum()
        n_lost, n_won = (nets <= 0).sum(), (nets > 0).sum()
        mean_loss, mean_win = loss / max(n_lost, 1), win / max(n_won, 1)
        return float(mean_loss / (mean_loss + mean_win)) if mean_loss + mean_win else 0.0


def problem_of(model: ModelName, frame: pd.DataFrame) -> Problem:
    """Return what ``model`` is to learn. Raises: TooFewOutcomes, BadFeatures, OneClassOnly."""
    n_outcomes = int((frame["executed"].astype(bool) & frame["worth_usd"].notna()).sum())
    if n_outcomes < NEEDED_OUTCOMES:
        raise TooFewOutcomes(n_outcomes, NEEDED_OUTCOMES)
    _check_features(frame)
    problem = labelled(model, frame)
    _check_target(model, problem)
    return problem


def labelled(model: ModelName, frame: pd.DataFrame) -> Problem:
    """Return the rows of ``frame`` whose target for ``model`` is known, unchecked."""
    whole = _whole(model, frame.sort_values(["timestamp", "route"], kind="stable"))
    return whole.taken(np.isfinite(whole.target))


def _whole(model: ModelName, frame: pd.DataFrame) -> Problem:
    at_ns = _ns(frame["timestamp"])
    ready_ns = np.where(frame["known_at"].notna(), _ns(frame["known_at"]), at_ns + GAP_NS)
    executed = frame["executed"].to_numpy(dtype=bool)
    routes = frame["route"].to_numpy(dtype=str)
    worth_usd = _floats(frame["worth_usd"])
    target, promised = {
        ModelName.ROUTE_SUCCESS: (np.where(np.isnan(worth_usd), np.nan, worth_usd > 0), np.ones(len(frame))),
        ModelName.PROFIT: (np.where(executed, worth_usd, np.nan), _floats(frame["planned_usd"])),
        ModelName.SLIPPAGE: (_floats(frame["lost_bps"]), np.zeros(len(frame))),
    }[model]
    return Problem(
        features=_floats(frame[list(FEATURE_NAMES)]),
        target=target,
        promised=promised,
        worth_usd=worth_usd,
        executed=executed,
        is_opportunity=frame["is_opportunity"].to_numpy(dtype=bool),
        routes=routes,
        timeline=Timeline.of(routes, at_ns, ready_ns),
    )


def _check_features(frame: pd.DataFrame) -> None:
    values = _floats(frame[list(FEATURE_NAMES)])
    optional = np.array([name in MAY_BE_UNKNOWN for name in FEATURE_NAMES])
    bad = ((np.abs(values) > LARGEST) | (np.isnan(values) & ~optional)).sum(axis=0)
    if bad.any():
        raise BadFeatures({FEATURE_NAMES[place]: int(bad[place]) for place in np.flatnonzero(bad)}, len(frame))


def _check_target(model: ModelName, problem: Problem) -> None:
    if len(np.unique(problem.target)) > 1:
        return
    if model is ModelName.ROUTE_SUCCESS:
        raise OneClassOnly(len(problem), "succeeded" if problem.target.all() else "failed")
    what = "netted" if model is ModelName.PROFIT else "lost"
    unit = "USD" if model is ModelName.PROFIT else "bps"
    raise OneClassOnly(len(problem), f"{what} {problem.target.max(initial=0):g} {unit}")


def _ns(column: "pd.Series[Any]") -> NDArray[np.int64]:
    return column.to_numpy(dtype="datetime64[ns]").astype(np.int64)


def _floats(columns: "pd.Series[Any] | pd.DataFrame") -> Floats:
    return columns.to_numpy(dtype=np.float64)


def _taken(value: Any, rows: NDArray[Any]) -> Any:
    return value.taken(rows) if isinstance(value, Timeline) else value[rows]
