"""Which samples a model may learn from when it is judged on others: in time's order, episodes whole, with a gap.

Instants are nanoseconds since 1970. A sample is ready when its last label was known: to learn from it earlier than
that would be to look ahead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.timestamps import NS_PER_S

GAP_NS = 60 * NS_PER_S  # nearer than this, samples of a route are one episode
LONGEST_NS = 300 * NS_PER_S  # of an episode: on a busy route, where none ever pauses, all would be one
EMBARGO_NS = 60 * NS_PER_S
HELD_OUT_SHARE = 0.25

Instants: TypeAlias = NDArray[np.int64]
Numbers: TypeAlias = NDArray[np.int64]  # of episodes, or of rows


@dataclass(frozen=True, slots=True)
class Timeline:
    """When samples were decided and ready, and their episodes; by time."""

    at_ns: Instants
    ready_ns: Instants
    episodes: Numbers

    @classmethod
    def of(cls, routes: NDArray[np.str_], at_ns: Instants, ready_ns: Instants) -> "Timeline":
        """Return the timeline of samples that lie in the order of their instants."""
        return cls(at_ns=at_ns, ready_ns=np.maximum(ready_ns, at_ns), episodes=episodes_of(routes, at_ns))

    def taken(self, rows: NDArray[np.bool_] | Numbers) -> "Timeline":
        """Return the timeline of these rows alone."""
        return Timeline(self.at_ns[rows], self.ready_ns[rows], self.episodes[rows])

    @property
    def starts_ns(self) -> Instants:
        """Return for each sample when its episode began."""
        first = np.full(int(self.episodes.max(initial=-1)) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, self.episodes, self.at_ns)
        return first[self.episodes]


@dataclass(frozen=True, slots=True)
class Split:
    """The rows to learn from and the rows to be judged on; what is in neither was purged."""

    train: Numbers
    test: Numbers


def episodes_of(routes: NDArray[np.str_], at_ns: Instants) -> Numbers:
    """Return the number of each sample's episode, by time: samples of a route less than a minute apart share one.

    One that goes on without a pause is cut every five minutes.
    """
    by_route = np.lexsort((at_ns, routes))
    sorted_ns = at_ns[by_route]
    begins = np.ones(len(routes), dtype=bool)
    begins[1:] = (routes[by_route][1:] != routes[by_route][:-1]) | (np.diff(sorted_ns) >= GAP_NS)
    began_ns = sorted_ns[np.maximum.accumulate(np.where(begins, np.arange(len(routes)), 0))]
    begins[1:] |= np.diff((sorted_ns - began_ns) // LONGEST_NS) != 0
    numbers = np.empty(len(routes), dtype=np.int64)
    numbers[by_route] = np.cumsum(begins)
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first, kind="stable")] = np.arange(len(first))
    return order[inverse]


def hold_out(timeline: Timeline, share: float = HELD_OUT_SHARE) -> Split:
    """Return the episodes of about the last ``share`` of the samples to be judged on, and what was ready before."""
    starts_ns = timeline.starts_ns
    if not len(starts_ns):
        return Split(train=np.arange(0), test=np.arange(0))
    begins_ns = np.sort(starts_ns)[int(len(starts_ns) * (1 - share))]
    return _split(timeline, starts_ns >= begins_ns)


def folds(timeline: Timeline, count: int) -> Iterator[Split]:
    """Return ``count`` neighbouring stretches of time, each to be judged on by what was learnt from the others."""
    starts_ns = timeline.starts_ns
    edges = np.sort(starts_ns)[np.arange(1, count) * len(starts_ns) // count]
    stretch = np.searchsorted(edges, starts_ns, side="right")
    for number in np.unique(stretch):
        yield _split(timeline, stretch == number)


def runs_of(episodes: Numbers, count: int = 50) -> Numbers:
    """Return about ``count`` runs of neighbouring episodes, by number: what happens together is drawn together."""
    _, dense = np.unique(episodes, return_inverse=True)
    n_episodes = int(dense.max(initial=-1)) + 1
    return dense * min(count, n_episodes) // max(n_episodes, 1)


def _split(timeline: Timeline, judged: NDArray[np.bool_]) -> Split:
    """Drop from what may be learnt all that overlaps what is judged on, an embargo on either side included."""
    first_ns, last_ns = timeline.at_ns[judged].min(), timeline.ready_ns[judged].max()
    before = timeline.ready_ns < first_ns - EMBARGO_NS
    after = timeline.at_ns > last_ns + EMBARGO_NS
    whole = ~np.isin(timeline.episodes, timeline.episodes[judged])
    return Split(train=np.flatnonzero((before | after) & whole), test=np.flatnonzero(judged))
