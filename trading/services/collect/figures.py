"""What a collection came to, in figures: per venue, recorded, decided, and the memory it took."""

import os
import resource
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.errors import ArbError, Unreachable
from trading.marketdata.feeds import VenueStatus
from trading.services.recording.coverage import VenueCoverage
from trading.services.recording.recorder import Recorded


@dataclass(frozen=True, slots=True)
class VenueFigures:
    """One venue; ``age_ms`` is of its newest book, ``refused`` and ``trouble`` are counts by reason."""

    venue: str
    markets: int
    is_connected: bool
    books: int
    confirmed: int  # quiet books that the living connection proved to be of now
    age_ms: int | None
    polled_every_ms: int | None
    refused: Mapping[str, int]
    trouble: Mapping[str, int]
    problem: str  # why it is left out, or was not reached; empty where all is well


@dataclass(frozen=True, slots=True)
class Figures:
    """A collection until now, or to its end; sizes in bytes."""

    mode: str
    started_at: datetime
    elapsed_s: float
    watched_s: float  # since the first venue had listed its pairs
    venues: tuple[VenueFigures, ...]
    recordings: tuple[int, ...]
    recorded: Recorded
    opportunities: int
    executions: Mapping[str, int]  # by state
    rss_start: int
    rss: int
    dropped: int  # jobs that the writer had no room for
    failed: int  # jobs that the database would not take
    coverage: tuple[VenueCoverage, ...] = ()

    @property
    def books(self) -> int:
        """Return how many sound books came from all venues."""
        return sum(one.books for one in self.venues)

    @property
    def updates(self) -> int:
        """Return how many states of markets came: books, and quiet ones confirmed; each is recorded."""
        return self.books + sum(one.confirmed for one in self.venues)

    def rate_of(self, books: int) -> float:
        """Return books a second while the markets were watched."""
        return books / self.watched_s if self.watched_s > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the figures ready for JSON."""
        recorded = asdict(self.recorded)
        recorded.pop("recording_id")
        each = self.recorded.size / self.recorded.written if self.recorded.written else None
        return {
            "mode": self.mode,
            "started_at": self.started_at.isoformat(),
            "elapsed_s": round(self.elapsed_s, 3),
            "watched_s": round(self.watched_s, 3),
            "venues": {one.venue: self._venue_json(one) for one in self.venues},
            "recordings": list(self.recordings),
            "recorded": recorded | {"bytes_per_update": None if each is None else round(each, 1)},
            "coverage": {one.venue: _coverage_json(one) for one in self.coverage},
            "opportunities": self.opportunities,
            "executions": dict(self.executions),
            "rss_start": self.rss_start,
            "rss_end": self.rss,
            "writer": {"dropped": self.dropped, "failed": self.failed},
        }

    def _venue_json(self, one: VenueFigures) -> dict[str, Any]:
        told = asdict(one)
        told.pop("venue")
        return told | {"books_per_s": round(self.rate_of(one.books), 2)}


def _coverage_json(one: VenueCoverage) -> dict[str, Any]:
    return {
        "hours": one.hours,
        "hours_with_data": one.hours_with_data,
        "share": round(one.share, 4),
        "updates": one.updates,
        "last_at": one.last_at.isoformat(),
    }


def venue_figures(
    statuses: Iterable[VenueStatus], before: Sequence[VenueStatus], *, markets: Mapping[str, int]
) -> list[VenueFigures]:
    """Return the figures of each venue: how it stands, with what it brought in sessions ``before`` added."""
    return [_of(status, [one for one in before if one.feed.venue == status.feed.venue], markets) for status in statuses]


def _of(status: VenueStatus, before: Sequence[VenueStatus], markets: Mapping[str, int]) -> VenueFigures:
    feed, whole = status.feed, [*before, status]
    refused, trouble = Counter[str](), Counter[str]()
    for one in whole:
        refused.update(one.feed.refused)
        refused.update(one.refused_later)
        trouble.update(one.feed.trouble)
    return VenueFigures(
        venue=feed.venue,
        markets=markets.get(feed.venue, 0),
        is_connected=status.is_connected,
        books=sum(one.feed.books for one in whole),
        confirmed=sum(one.feed.confirmed for one in whole),
        age_ms=status.age_ms,
        polled_every_ms=feed.polled_every_ms,
        refused=dict(refused),
        trouble=dict(trouble),
        problem=status.last_error,
    )


def problem_of(error: ArbError) -> str:
    """Return what is wrong with a venue, to be read after its name."""
    said = " ".join(str(error).split())
    return f"cannot be reached ({said})" if isinstance(error, Unreachable) else f"refuses: {said}"


def absent(venue: str, problem: str) -> VenueFigures:
    """Return the figures of a venue that is not watched."""
    return VenueFigures(venue, 0, False, 0, 0, None, None, {}, {}, problem)


def sum_of(parts: Sequence[Recorded]) -> Recorded:
    """Return several recordings as one; its id is that of the last."""
    last = parts[-1].recording_id if parts else None
    names = ("seen", "written", "lost", "pages", "size")
    return Recorded(last, **{name: sum(getattr(one, name) for one in parts) for name in names})


def rss_bytes() -> int:
    """Return how much memory this process holds; at its greatest, where the system tells nothing else."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if os.uname().sysname == "Darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
