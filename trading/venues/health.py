"""What a feed counts of itself: messages, sound books, refusals and troubles by reason, how late and by what clock."""

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

from domain.timestamps import NS_PER_MS, NS_PER_S
from trading.venues.base import FeedStatus, Mark

LAGS_KEPT = 512
LATEST_LAGS = 16
OTHER_CLOCK_NS = 10 * NS_PER_S  # lags further apart than this are by two clocks
JUMP_NS = NS_PER_S // 2  # between the latest lags and all: a clock was set, or the way has changed
MARK_EVERY_NS = 10 * NS_PER_S
MARKS_KEPT = 7
RATE_OVER_NS = MARK_EVERY_NS
_QUICKEST = 0.05  # of the lags: what came that quickly came without delay, and a few wild instants do not count


class FeedHealth:
    """The running counts of one feed; ``status`` gives them frozen."""

    def __init__(
        self, venue: str, *, origin: str, polled_every_ms: int | None = None, max_age_ms: int | None = None
    ) -> None:
        self.venue = venue
        self.origin = origin
        self.polled_every_ms = polled_every_ms
        self.max_age_ms = max_age_ms
        self.messages = 0
        self.books = 0
        self.confirmed = 0
        self.reconnects = 0
        self.resyncs = 0
        self.connected_at_ns: int | None = None
        self.heard_at_ns: int | None = None
        self.book_at_ns: int | None = None
        self.lag_ns: int | None = None
        self.round_trip_ns = 0  # the shortest seen on this connection, 0 before the first
        self.venue_state = ""
        self.lost_reason = ""
        self.refused: Counter[str] = Counter()
        self.trouble: Counter[str] = Counter()
        self._lags_ns: deque[int] = deque(maxlen=LAGS_KEPT)
        self._marks: deque[Mark] = deque(maxlen=MARKS_KEPT)
        self._mark_at_ns = 0

    def heard(self, at_ns: int) -> None:
        """Count a message."""
        if at_ns >= self._mark_at_ns:
            self._mark(at_ns)
        self.messages += 1
        self.heard_at_ns = at_ns

    def stamped(self, *, venue_at_ns: int, seen_at_ns: int) -> None:
        """Note how late a message came by the two clocks, be it believed or not."""
        self._lags_ns.append(seen_at_ns - venue_at_ns)

    def answered(self, round_trip_ns: int) -> None:
        """Note how long the way to the venue and back took."""
        self.round_trip_ns = min(self.round_trip_ns or round_trip_ns, round_trip_ns)

    def sound(self, *, venue_at_ns: int, seen_at_ns: int) -> None:
        """Count a sound book."""
        self.books += 1
        self.book_at_ns = seen_at_ns
        self.lag_ns = seen_at_ns - venue_at_ns

    def confirm(self, seen_at_ns: int) -> None:
        """Count a quiet book that the connection has proved to be of now."""
        self.confirmed += 1
        self.book_at_ns = seen_at_ns

    def connected(self, at_ns: int) -> None:
        """Note that the connection stands."""
        self.connected_at_ns = at_ns
        self.heard_at_ns = at_ns
        self.round_trip_ns = 0
        self._lags_ns.clear()

    def disconnected(self, reason: str) -> None:
        """Note that the connection is gone, and why."""
        self.connected_at_ns = None
        self.lost_reason = reason
        self.reconnects += 1
        self.trouble[reason] += 1

    def status(self) -> FeedStatus:
        """Return the counts as they stand."""
        timing = _timing(self._lags_ns, self.round_trip_ns)
        return FeedStatus(
            venue=self.venue,
            origin=self.origin,
            messages=self.messages,
            books=self.books,
            reconnects=self.reconnects,
            resyncs=self.resyncs,
            connected_at_ns=self.connected_at_ns,
            heard_at_ns=self.heard_at_ns,
            book_at_ns=self.book_at_ns,
            lag_ns=self.lag_ns,
            venue_state=self.venue_state,
            refused=dict(self.refused),
            trouble=dict(self.trouble),
            polled_every_ms=self.polled_every_ms,
            confirmed=self.confirmed,
            clock_offset_ms=timing and timing.offset_ms,
            latency_p50_ms=timing and timing.p50_ms,
            latency_p99_ms=timing and timing.p99_ms,
            max_age_ms=self.max_age_ms,
            lost_reason=self.lost_reason,
            marks=tuple(self._marks),
        )

    def _mark(self, at_ns: int) -> None:
        self._marks.append(Mark(at_ns, self.messages, self.books, self.reconnects, dict(self.refused)))
        self._mark_at_ns = at_ns + MARK_EVERY_NS


class _Timing(NamedTuple):
    offset_ms: float
    p50_ms: float
    p99_ms: float


def _timing(lags_ns: Sequence[int], round_trip_ns: int) -> _Timing | None:
    """Return how far the venue's clock is ahead, and how late messages come once that is allowed for.

    A lag is the way here less what the venue's clock is ahead. The quickest messages took half of the shortest round
    trip known, so whatever else their lag says is the clock's; the middle of the lags would say how busy the way was.
    """
    if not lags_ns:
        return None
    lags = _of_now(lags_ns)
    offset_ns = round_trip_ns / 2 - _quantile(lags, _QUICKEST)
    p50_ns, p99_ns = (max(0.0, _quantile(lags, share) + offset_ns) for share in (0.5, 0.99))
    return _Timing(*(round(ns / NS_PER_MS, 3) for ns in (offset_ns, p50_ns, p99_ns)))


def _of_now(lags_ns: Sequence[int]) -> list[int]:
    """Return the lags in order without those of another clock; the latest alone once the clock or the way changed."""
    latest = sorted(list(lags_ns)[-LATEST_LAGS:])
    middle_ns = _quantile(latest, 0.5)
    ordered = sorted(lag_ns for lag_ns in lags_ns if abs(lag_ns - middle_ns) <= OTHER_CLOCK_NS)
    has_jumped = abs(_quantile(ordered, 0.5) - middle_ns) > JUMP_NS
    return latest if has_jumped else ordered


def _quantile(ordered: Sequence[int], share: float) -> int:
    return ordered[round(share * (len(ordered) - 1))]


class Lately(NamedTuple):
    """What a feed did in about the latest minute; ``rate_per_s`` is of messages, over the latest ten seconds or so."""

    books: int
    refused: Counter[str]
    reconnects: int
    rate_per_s: float


def lately(feed: FeedStatus, now_ns: int) -> Lately:
    """Return what ``feed`` did since its earliest mark of the last minute."""
    recent = [mark for mark in feed.marks if now_ns - mark.at_ns <= (MARKS_KEPT - 1) * MARK_EVERY_NS]
    if not recent:
        return Lately(0, Counter(), 0, 0.0)
    first = recent[0]
    refused = Counter(feed.refused)
    refused.subtract(first.refused)
    return Lately(feed.books - first.books, +refused, feed.reconnects - first.reconnects, _rate(feed, recent, now_ns))


def _rate(feed: FeedStatus, recent: Sequence[Mark], now_ns: int) -> float:
    since = next((mark for mark in reversed(recent) if now_ns - mark.at_ns >= RATE_OVER_NS), recent[0])
    elapsed_s = (now_ns - since.at_ns) / NS_PER_S
    return (feed.messages - since.messages) / elapsed_s if elapsed_s > 0 else 0.0
