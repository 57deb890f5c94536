"""What a feed counts of itself: messages, sound books, refusals by reason, troubles by reason."""

from collections import Counter

from trading.venues.base import FeedStatus


class FeedHealth:
    """The running counts of one feed; ``status`` gives them frozen."""

    def __init__(self, venue: str, *, origin: str, polled_every_ms: int | None = None) -> None:
        self.venue = venue
        self.origin = origin
        self.polled_every_ms = polled_every_ms
        self.messages = 0
        self.books = 0
        self.reconnects = 0
        self.resyncs = 0
        self.connected_at_ns: int | None = None
        self.heard_at_ns: int | None = None
        self.book_at_ns: int | None = None
        self.lag_ns: int | None = None
        self.venue_state = ""
        self.refused: Counter[str] = Counter()
        self.trouble: Counter[str] = Counter()

    def heard(self, at_ns: int) -> None:
        """Count a message."""
        self.messages += 1
        self.heard_at_ns = at_ns

    def sound(self, *, venue_at_ns: int, seen_at_ns: int) -> None:
        """Count a sound book."""
        self.books += 1
        self.book_at_ns = seen_at_ns
        self.lag_ns = seen_at_ns - venue_at_ns

    def connected(self, at_ns: int) -> None:
        """Note that the connection stands."""
        self.connected_at_ns = at_ns
        self.heard_at_ns = at_ns

    def disconnected(self, reason: str) -> None:
        """Note that the connection is gone, and why."""
        self.connected_at_ns = None
        self.reconnects += 1
        self.trouble[reason] += 1

    def status(self) -> FeedStatus:
        """Return the counts as they stand."""
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
        )
