"""The books of one connection: what is sound goes out, what is torn is asked for again, not too often."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.errors import BadMarketData
from domain.market import Pair
from domain.timestamps import NS_PER_MS
from trading.venues.base import OnChange
from trading.venues.health import FeedHealth
from trading.venues.ladder import LocalBook
from trading.venues.pulse import LONGEST_QUIET_NS, Pulse


@dataclass(frozen=True, slots=True)
class KeepingRules:
    """How many levels are kept and handed on, when a book is too old, and how often one is asked for again."""

    depth: int
    shown: int
    max_age_ms: int
    resync_gap_ms: int


class BookKeeper:
    """Keeps one book per symbol for the time of one connection."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        rules: KeepingRules,
        *,
        health: FeedHealth,
        seq: Iterator[int],
        on_change: OnChange,
    ) -> None:
        self._rules = rules
        self._health = health
        self._seq = seq
        self._on_change = on_change
        self._books = {
            pair.symbol: LocalBook(health.venue, pair, depth=rules.depth, shown=rules.shown) for pair in pairs
        }
        self._pulses = {symbol: Pulse(rules.max_age_ms) for symbol in self._books}
        self._asked_at_ns: dict[str, int] = {}

    @property
    def symbols(self) -> list[str]:
        """Return every symbol kept."""
        return list(self._books)

    def note_asked(self, now_ns: int) -> None:
        """Note that every book was asked for just now."""
        self._asked_at_ns = dict.fromkeys(self._books, now_ns)

    def find(self, symbol: str) -> LocalBook | None:
        """Return the book of ``symbol``; None, counted, for one that nobody asked for."""
        book = self._books.get(symbol)
        if book is None:
            self._health.refused["unknown_symbol"] += 1
        return book

    def publish(self, local: LocalBook, seen_at_ns: int) -> str | None:
        """Hand a book on if it is sound; else return the reason, counted."""
        pulse = self._pulses[local.pair.symbol]
        self._health.stamped(venue_at_ns=local.venue_at_ns, seen_at_ns=seen_at_ns)
        try:
            book = local.sound_book(seen_at_ns=seen_at_ns, seq=next(self._seq), max_age_ms=self._rules.max_age_ms)
        except BadMarketData as bad:
            self._health.refused[bad.reason] += 1
            pulse.book = None
            return bad.reason
        pulse.changed(book)
        self._health.sound(venue_at_ns=book.venue_at_ns, seen_at_ns=seen_at_ns)
        self._on_change(book)
        return None

    def confirm(self, proved_at_ns: int) -> list[LocalBook]:
        """Hand the quiet books on as of the message that proves the connection alive; return those to ask for again.

        Every message so far must have been taken: one that waits may be the change of a book taken for quiet.
        """
        doubted = []
        for symbol, pulse in self._pulses.items():
            if self._is_lost(symbol, pulse, proved_at_ns):
                doubted.append(self._books[symbol])
            elif not pulse.is_due(proved_at_ns):
                continue
            elif pulse.is_believed(proved_at_ns):
                self._health.confirm(proved_at_ns)
                self._on_change(pulse.confirmed(proved_at_ns, seq=next(self._seq)))
            else:
                self._health.trouble["quiet_unlike_before"] += 1
                doubted.append(self._books[symbol])
        return doubted

    def longest_unasked(self, now_ns: int, *, every_ns: int) -> LocalBook | None:
        """Return the book that was asked for longest ago, if that is ``every_ns``, and note it as asked for now.

        What we have of it stays until it comes: it is asked for to mend what nothing else would show.
        """
        symbol = min(self._asked_at_ns, key=self._asked_at_ns.__getitem__, default=None)
        if symbol is None or now_ns - self._asked_at_ns[symbol] < every_ns:
            return None
        self._asked_at_ns[symbol] = now_ns
        return self._books[symbol]

    def doubt_quiet(self) -> None:
        """Confirm no book until it has changed or come again: what was told of it may have been lost."""
        for pulse in self._pulses.values():
            pulse.book = None

    def _is_lost(self, symbol: str, pulse: Pulse, now_ns: int) -> bool:
        """Whether there was a book, and asking for it again brought none that is sound."""
        asked_at_ns = self._asked_at_ns.get(symbol, now_ns)
        return pulse.book is None and pulse.has_been and now_ns - asked_at_ns > LONGEST_QUIET_NS

    def must_ask_again(self, local: LocalBook, now_ns: int) -> bool:
        """Drop a torn book; return whether it is time to ask for a whole one."""
        local.drop()
        self._pulses[local.pair.symbol].book = None
        asked_at_ns = self._asked_at_ns.get(local.pair.symbol)
        if asked_at_ns is not None and now_ns - asked_at_ns < self._rules.resync_gap_ms * NS_PER_MS:
            return False
        self._asked_at_ns[local.pair.symbol] = now_ns
        self._health.resyncs += 1
        return True
