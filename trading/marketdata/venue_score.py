"""How far a venue's data can be trusted just now: a score of 100, less what each reason takes from it."""

from collections.abc import Iterator
from typing import NamedTuple

from domain.book import FUTURE_TOLERANCE_MS
from trading.marketdata.feeds import VenueStatus
from trading.venues.health import Lately, lately

BEST = 100
OPEN_STATES = ("", "online", "limit_only")  # in any other the venue takes no orders of ours, or says nothing yet
SLOW_P99_MS = 1000.0
AGED = 40
CLOCK_OFF = 50
SLOW = 10
RECONNECTED, MOST_RECONNECTED = 5, 20
MOST_REFUSED = 60
_REASONS_NAMED = 3


class Score(NamedTuple):
    """From 0, nothing to be trusted, to 100, nothing to be said against it; each reason in words."""

    points: int
    reasons: tuple[str, ...]


class _Fault(NamedTuple):
    takes: int
    reason: str


def score_of(status: VenueStatus) -> Score:
    """Return what a venue's feed deserves at the instant of ``status``, worst reason first."""
    faults = sorted(_faults(status), key=lambda fault: -fault.takes)
    return Score(max(0, BEST - sum(fault.takes for fault in faults)), tuple(fault.reason for fault in faults))


def _faults(status: VenueStatus) -> Iterator[_Fault]:
    feed, recent = status.feed, lately(status.feed, status.now_ns)
    yield from _silence(status)
    yield from _refusals(recent)
    yield from _clock(status)
    if feed.venue_state not in OPEN_STATES:
        yield _Fault(BEST, f"the venue says {feed.venue_state}")
    if recent.reconnects:
        lost = "once" if recent.reconnects == 1 else f"{recent.reconnects} times"
        takes = min(MOST_RECONNECTED, RECONNECTED * recent.reconnects)
        yield _Fault(takes, f"connection lost {lost} in the last minute")


def _silence(status: VenueStatus) -> Iterator[_Fault]:
    feed, age_ms = status.feed, status.age_ms
    if not status.is_connected:
        why = status.last_error or feed.lost_reason
        yield _Fault(BEST, f"not connected: {why}" if why else "not connected")
    elif age_ms is None:
        yield _Fault(BEST, "no sound book yet")
    elif feed.max_age_ms is not None and age_ms > feed.max_age_ms:
        yield _Fault(AGED, f"newest book is {age_ms / 1000:.1f} s old")


def _refusals(recent: Lately) -> Iterator[_Fault]:
    refused = recent.refused.total()
    if refused:
        share = refused / (recent.books + refused)
        named = ", ".join(f"{reason} {count}" for reason, count in recent.refused.most_common(_REASONS_NAMED))
        yield _Fault(max(1, round(share * MOST_REFUSED)), f"{share:.1%} refused in the last minute: {named}")


def _clock(status: VenueStatus) -> Iterator[_Fault]:
    offset_ms, p99_ms = status.feed.clock_offset_ms, status.feed.latency_p99_ms
    if offset_ms is not None and offset_ms > FUTURE_TOLERANCE_MS:
        yield _Fault(CLOCK_OFF, f"its clock is {_length(offset_ms)} ahead of ours")
    elif offset_ms is not None and offset_ms < -FUTURE_TOLERANCE_MS:
        yield _Fault(CLOCK_OFF, f"what it says is {_length(-offset_ms)} old: its clock is behind ours, or it is slow")
    elif p99_ms is not None and p99_ms > SLOW_P99_MS:
        yield _Fault(SLOW, f"one message in a hundred takes {_length(p99_ms)}")


def _length(ms: float) -> str:
    minutes = ms / 60_000
    return f"{ms / 1000:.1f} s" if minutes < 2 else f"{minutes:.0f} min"
