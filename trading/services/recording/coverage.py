"""Coverage: in how many hours each venue's books were recorded, and how new the newest is."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import BinaryField, Count, F, Func, Max, Sum

from domain.scope import Scope
from domain.timestamps import NS_PER_HOUR, from_ns, to_ns
from trading.models import RecordedHour, RecordedPage
from trading.services.recording.pages import HEADER_AT, shares_of

LATEST_PAGES = 120  # the last few minutes of recording, in which a venue that is alive is found
_START_BYTES = 8_192  # of a page: its header, and no book


@dataclass(frozen=True, slots=True)
class VenueCoverage:
    """How much of a span one venue's books were recorded for.

    ``last_at`` is when its newest book in the span was seen: exact where that is among the latest pages, else the
    beginning of its hour.
    """

    venue: str
    hours_with_data: int
    hours: int
    updates: int
    last_at: datetime

    @property
    def share(self) -> float:
        """Return the share of hours with data."""
        return self.hours_with_data / self.hours


def coverage(scope: Scope, first: datetime, last: datetime) -> tuple[VenueCoverage, ...]:
    """Return the coverage of every venue that was recorded between two instants; hours are counted whole."""
    first_hour, last_hour = (to_ns(at) // NS_PER_HOUR for at in (first, last))
    recorded = RecordedHour.objects.in_scope(scope).filter(
        hour__gte=from_ns(first_hour * NS_PER_HOUR), hour__lte=from_ns(last_hour * NS_PER_HOUR), updates__gt=0
    )
    rows = recorded.order_by("venue").values("venue").annotate(count=Count("id"), sum=Sum("updates"), hour=Max("hour"))
    exact = _last_seen(scope, last)
    return tuple(
        VenueCoverage(
            venue=row["venue"],
            hours_with_data=row["count"],
            hours=last_hour - first_hour + 1,
            updates=row["sum"],
            last_at=max(exact.get(row["venue"], row["hour"]), row["hour"]),
        )
        for row in rows
    )


def _last_seen(scope: Scope, last: datetime) -> dict[str, datetime]:
    """Return when each venue's newest book was seen, as far as the latest pages tell; their books are not read."""
    start = Func(F("payload"), 1, _START_BYTES, function="substring", output_field=BinaryField())
    pages = RecordedPage.objects.in_scope(scope).filter(first_at__lte=last).order_by("-recording_id", "-number")
    found: dict[str, datetime] = {}
    for payload in pages.values_list(start, flat=True)[:LATEST_PAGES]:
        told = bytes(payload)
        if HEADER_AT + int.from_bytes(told[1:HEADER_AT], "big") > len(told):
            continue  # more venues than a header's first bytes hold: their hours must do
        for venue, share in shares_of(told).items():
            found.setdefault(venue, from_ns(share.last_at_ns))
    return found
