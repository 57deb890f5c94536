"""How often a book changes, and so for how long its quiet can be believed.

A venue says nothing of a book that does not change: while it goes on talking, a quiet book is true. A book that has
stopped because something broke looks the same, but for its habit: what changed ten times a second and has not for
seconds is not believed until a whole book comes.
"""

from dataclasses import replace

from domain.market import Book
from domain.timestamps import NS_PER_MS, NS_PER_S

LONGEST_QUIET_NS = 20 * NS_PER_S
HABIT = 30  # times its usual gap: seldom reached by chance, and a whole book settles it where it is
GAPS_KNOWN = 16
_WEIGHT = 16  # of all gaps so far against the latest


class Pulse:
    """The latest sound book of one market as handed on, None while there is none, and its habit."""

    __slots__ = ("_changed_at_ns", "_gaps", "_least_quiet_ns", "_refresh_ns", "_usual_gap_ns", "book")

    def __init__(self, max_age_ms: int) -> None:
        self.book: Book | None = None
        self._least_quiet_ns = max_age_ms * NS_PER_MS
        self._refresh_ns = self._least_quiet_ns // 3
        self._changed_at_ns = 0
        self._usual_gap_ns = 0
        self._gaps = 0

    @property
    def has_been(self) -> bool:
        """Whether there ever was a sound book."""
        return self._changed_at_ns > 0

    def changed(self, book: Book) -> None:
        """Take a book that has come just now."""
        if self.book is not None:
            self._gaps += 1
            gap_ns = book.seen_at_ns - self._changed_at_ns
            self._usual_gap_ns += (gap_ns - self._usual_gap_ns) // min(self._gaps, _WEIGHT)
        self._changed_at_ns = book.seen_at_ns
        self.book = book

    def is_due(self, proved_at_ns: int) -> bool:
        """Whether the book is there and has aged so far that a proof of ``proved_at_ns`` is worth telling."""
        return self.book is not None and proved_at_ns - self.book.seen_at_ns >= self._refresh_ns

    def is_believed(self, proved_at_ns: int) -> bool:
        """Whether the book may still be quiet rather than cut off."""
        longest_ns = LONGEST_QUIET_NS
        if self._gaps >= GAPS_KNOWN:
            longest_ns = min(longest_ns, max(self._least_quiet_ns, HABIT * self._usual_gap_ns))
        return proved_at_ns - self._changed_at_ns <= longest_ns

    def confirmed(self, proved_at_ns: int, *, seq: int) -> Book:
        """Return the book as of the message of ``proved_at_ns``: as late by the venue's clock as when it changed."""
        assert self.book is not None, "only a sound book is confirmed"
        lag_ns = self.book.seen_at_ns - self.book.venue_at_ns
        self.book = replace(self.book, seen_at_ns=proved_at_ns, venue_at_ns=proved_at_ns - lag_ns, seq=seq)
        return self.book
