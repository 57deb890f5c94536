"""Recording: every sound book and pool goes into pages, and these to the writer; whoever brings one never waits."""

import time
from collections import deque
from dataclasses import dataclass
from functools import partial

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet

from domain.errors import Refused
from domain.features import Contexts
from domain.market import Market
from domain.scope import Scope
from domain.timestamps import NS_PER_HOUR, NS_PER_S, from_ns
from trading.models import Recording
from trading.services.recording.pages import EncodedPage, PageEncoder
from trading.services.recording.terms import Terms
from trading.services.writer import Writer

log = structlog.get_logger(__name__)

PAGE_EVERY_NS = 3 * NS_PER_S // 2  # with the writing of it less than the 2 s that a killed process may take with it
SIGN_OF_LIFE_NS = 10 * NS_PER_S
MOST_BYTES = 128 << 20  # of pages that wait for the database; what comes beyond them is lost, and counted
FINISH_WITHIN_S = 10.0

_CLAIM = """
UPDATE recordings SET pages = pages + 1, updates = updates + %s, lost = GREATEST(lost, %s), heartbeat_at = %s
WHERE id = %s AND pages = %s
"""
_COPY = """
COPY recorded_pages (mode, run_id, recording_id, number, first_at, last_at, updates, payload)
FROM STDIN (FORMAT BINARY)
"""
_COPY_TYPES = ("varchar", "varchar", "int8", "int4", "timestamptz", "timestamptz", "int4", "bytea")
_ADD_TO_HOUR = """
INSERT INTO recorded_hours (mode, run_id, hour, venue, updates)
SELECT %s, %s, %s, * FROM unnest(%s::text[], %s::bigint[])
ON CONFLICT (mode, run_id, hour, venue) DO UPDATE SET updates = recorded_hours.updates + EXCLUDED.updates
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recorder was given and what became of it; ``size`` is in bytes as stored."""

    recording_id: int | None
    seen: int
    written: int
    lost: int
    pages: int
    size: int

    @property
    def waiting(self) -> int:
        """Return how many books are neither written nor lost yet."""
        return self.seen - self.written - self.lost


class Recorder:
    """Takes books in the loop's thread; what the writer's thread does with their pages is counted over there."""

    def __init__(
        self, scope: Scope, *, process: str, terms: Terms, writer: Writer, most_bytes: int = MOST_BYTES
    ) -> None:
        self._scope = scope
        self._process = process
        self._terms = terms
        self._writer = writer
        self._most_bytes = most_bytes
        self._encoder = PageEncoder()
        self._waiting: deque[EncodedPage] = deque()
        self._begun_ns = self._cut_at_ns = self._life_at_ns = self._hour = 0
        self._seen = self._refused = self._taken_bytes = 0
        self._is_full = False
        self._stored = _Stored()

    def begin(self, now_ns: int) -> None:
        """Open the recording; its row is written before its first page."""
        self._cut_at_ns, self._life_at_ns = now_ns + PAGE_EVERY_NS, now_ns + SIGN_OF_LIFE_NS
        self._hour = now_ns // NS_PER_HOUR
        self._begun_ns = now_ns
        self._writer.offer("recording", self._open, ahead=True)  # without room for it the first page opens it

    def learn(self, context: Contexts) -> None:
        """Record what is known beside the books from the next one on."""
        self._encoder.learn(context)

    def add(self, at_ns: int, book: Market) -> None:
        """Record a state that is decided on at ``at_ns``; it is lost, and counted, while too much waits already."""
        if at_ns // NS_PER_HOUR != self._hour:  # a page is of one hour
            self._cut(at_ns)
        self._seen += 1
        if self._is_full:
            self._refused += 1
        else:
            self._encoder.add(at_ns, book)

    def tick(self, now_ns: int) -> None:
        """Hand over the pages that are due, and tell that we live where there is none."""
        if now_ns >= self._cut_at_ns:
            self._cut(now_ns)
        self._hand_over()
        self._note_room()
        if now_ns >= self._life_at_ns:
            self._life_at_ns = now_ns + SIGN_OF_LIFE_NS
            self._writer.offer("sign_of_life", partial(self._tell_life, now_ns), ahead=True)

    def finish(self, now_ns: int) -> None:
        """Hand over the last page and close the recording, waiting a little where the writer is behind."""
        until_s = time.monotonic() + FINISH_WITHIN_S
        self._cut(now_ns)
        self._hand_over(until_s=until_s)
        self._refused += sum(page.updates for page in self._waiting)
        ending = partial(self._end, now_ns, self._lost())
        self._writer.offer("recording_ended", ending, ahead=True, wait_s=_left_s(until_s))

    def recorded(self) -> Recorded:
        """Return what was recorded until now."""
        stored = self._stored
        return Recorded(stored.recording_id, self._seen, stored.updates, self._lost(), stored.pages, stored.size)

    def _cut(self, now_ns: int) -> None:
        self._cut_at_ns, self._hour = now_ns + PAGE_EVERY_NS, now_ns // NS_PER_HOUR
        if (page := self._encoder.take()) is not None:
            self._waiting.append(page)
            self._taken_bytes += len(page.raw)

    def _hand_over(self, *, until_s: float = 0.0) -> None:
        while self._waiting:
            page = self._job(self._waiting[0])
            if not self._writer.offer("page", page, ahead=True, wait_s=_left_s(until_s)):
                return
            self._waiting.popleft()

    def _job(self, page: EncodedPage) -> "partial[None]":
        return partial(self._write, page, self._lost())

    def _note_room(self) -> None:
        held = self._taken_bytes - self._stored.raw_bytes + self._encoder.size
        was_full, self._is_full = self._is_full, held > self._most_bytes
        if self._is_full and not was_full:
            log.error("recorder_is_full", waiting_bytes=held)
        elif was_full and not self._is_full:
            log.warning("recorder_goes_on", lost=self._lost())

    def _lost(self) -> int:
        return self._refused + self._stored.spoilt

    # What follows runs in the writer's thread. Each is safe to run twice.

    def _open(self) -> None:
        started_at = from_ns(self._begun_ns)
        row, _ = Recording.objects.get_or_create(
            **self._scope.columns,
            process=self._process,
            started_at=started_at,
            defaults={"terms": self._terms.to_json(), "heartbeat_at": started_at},
        )
        self._stored.recording_id = row.pk

    def _write(self, page: EncodedPage, lost: int) -> None:
        stored = self._stored
        try:
            if stored.recording_id is None:
                self._open()
            size = _store(page, stored, scope=self._scope, lost=lost)
        except (OperationalError, InterfaceError):
            raise  # the writer tries again
        except Exception:
            stored.spoilt += page.updates
            stored.raw_bytes += len(page.raw)
            raise
        stored.pages += 1
        stored.updates += page.updates
        stored.size += size
        stored.raw_bytes += len(page.raw)

    def _tell_life(self, now_ns: int) -> None:
        self._row().update(heartbeat_at=from_ns(now_ns), lost=self._lost())

    def _end(self, now_ns: int, lost: int) -> None:
        ended_at = from_ns(now_ns)
        self._row().update(ended_at=ended_at, heartbeat_at=ended_at, lost=max(lost, self._lost()))

    def _row(self) -> "QuerySet[Recording]":
        return Recording.objects.filter(pk__in=[self._stored.recording_id])


@dataclass(slots=True)
class _Stored:
    """What the writer's thread counts; the loop's thread only reads it."""

    recording_id: int | None = None
    pages: int = 0
    updates: int = 0
    size: int = 0
    raw_bytes: int = 0  # of pages that are out of memory, written or not
    spoilt: int = 0  # books of pages that the database would not take


def _left_s(until_s: float) -> float:
    return max(0.0, until_s - time.monotonic())


def _store(page: EncodedPage, stored: _Stored, *, scope: Scope, lost: int) -> int:
    """Write a page, unless it was written before its connection broke, and return its size as stored.

    Raises: Refused where the recording's row is gone, or does not go on with this page.
    """
    payload = page.payload()
    first_at, last_at = from_ns(page.first_at_ns), from_ns(page.last_at_ns)
    mode, run_id = scope.columns.values()
    row = (mode, run_id, stored.recording_id, stored.pages, first_at, last_at, page.updates, payload)
    hour = from_ns(page.first_at_ns // NS_PER_HOUR * NS_PER_HOUR)
    counts = {venue: share.updates for venue, share in sorted(page.venues.items())}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM, [page.updates, lost, last_at, stored.recording_id, stored.pages])
        if cursor.rowcount:
            with connection.wrap_database_errors, cursor.copy(_COPY) as copy:
                copy.set_types(_COPY_TYPES)
                copy.write_row(row)
            cursor.execute(_ADD_TO_HOUR, [mode, run_id, hour, list(counts), list(counts.values())])
        elif not Recording.objects.filter(pk__in=[stored.recording_id], pages=stored.pages + 1).exists():
            raise Refused(f"recording {stored.recording_id} does not go on with page {stored.pages}: is it deleted?")
    return len(payload)
