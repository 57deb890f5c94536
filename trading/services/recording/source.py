"""Reading recordings, from any process and any mode's database, on a read-only connection of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from domain.errors import BadInput, Unreachable
from domain.scope import Mode
from domain.timestamps import from_ns
from trading.services.recording.pages import Learnt, MalformedPageError, Seen, decode_page
from trading.services.recording.terms import Terms, terms_from_json

RECORDED_MODES = (Mode.DRY_RUN, Mode.LIVE, Mode.SIM)
PAGES_AT_ONCE = 8  # what is in memory of a recording that is being read

_RECORDINGS = """
SELECT r.id, r.mode, r.process, r.started_at, r.heartbeat_at, r.ended_at, r.updates, r.lost, r.pages, r.terms,
       (SELECT p.first_at FROM recorded_pages p WHERE p.recording_id = r.id ORDER BY p.number LIMIT 1) AS first_at,
       (SELECT p.last_at FROM recorded_pages p WHERE p.recording_id = r.id ORDER BY p.number DESC LIMIT 1) AS last_at
FROM recordings r WHERE r.mode = %s ORDER BY r.started_at, r.id
"""
_PAGES = """
SELECT number, payload FROM recorded_pages
WHERE recording_id = %(recording)s AND number > %(after)s
  AND (%(first)s::timestamptz IS NULL OR last_at >= %(first)s)
  AND (%(last)s::timestamptz IS NULL OR first_at <= %(last)s)
ORDER BY number LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """One recording: when it was made, what it holds, and what its decisions were made with.

    ``heartbeat_at`` is the last sign of life; where ``ended_at`` is None it still runs, or was killed. ``first_at`` and
    ``last_at`` are those of its books, None where there are none.
    """

    id: int
    mode: Mode
    process: str
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    first_at: datetime | None
    last_at: datetime | None
    updates: int
    lost: int
    pages: int
    terms: Terms


def connect_to(mode: Mode) -> psycopg.Connection[Any]:
    """Return a read-only connection to the database that holds what was recorded in ``mode``.

    Raises: BadInput for a mode that records nothing; Unreachable if the database or its tables are not there.
    """
    if mode not in RECORDED_MODES:
        raise BadInput(f"nothing is recorded in {mode}: choose from {', '.join(RECORDED_MODES)}")
    name = _database_of(mode)
    try:
        source = psycopg.connect(_conninfo(name), autocommit=True)
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise Unreachable(f"the database {name}, where {mode} records, cannot be used: {reason}") from error
    source.execute("SET default_transaction_read_only TO on")
    if source.execute("SELECT to_regclass('recorded_pages')").fetchone() == (None,):
        source.close()
        raise Unreachable(f"the database {name} holds no recordings yet: {how_to_record(mode)} first")
    return source


def how_to_record(mode: Mode) -> str:
    """Return what to run so that something is recorded in a mode."""
    return "run manage.py stream with ARB_RECORD=yes" if mode is Mode.LIVE else f"run manage.py collect --mode {mode}"


def recordings(
    source: psycopg.Connection[Any],
    *,
    mode: Mode,
    first_ns: int | None = None,
    last_ns: int | None = None,
    recording_id: int | None = None,
) -> list[RecordingInfo]:
    """Return the recordings of ``mode`` that hold books of the span, oldest first, or the one of ``recording_id``.

    Raises: BadInput if there is no recording of that id, or its terms cannot be read.
    """
    rows = source.cursor(row_factory=dict_row).execute(_RECORDINGS, [mode.value]).fetchall()
    if recording_id is not None:
        rows = [row for row in rows if row["id"] == recording_id]
        if not rows:
            raise BadInput(f"there is no recording {recording_id} in {mode}")
    return [_info(row) for row in rows if _holds(row, first_ns, last_ns)]


def looks(
    source: psycopg.Connection[Any],
    recording: RecordingInfo,
    *,
    first_ns: int | None = None,
    last_ns: int | None = None,
) -> Iterator[Seen]:
    """Yield the books of a recording in the order they were seen, the first and the last instant included.

    Raises: MalformedPageError that names the page.
    """
    for event in events(source, recording, first_ns=first_ns, last_ns=last_ns):
        if isinstance(event, Seen):
            yield event


def events(
    source: psycopg.Connection[Any],
    recording: RecordingInfo,
    *,
    first_ns: int | None = None,
    last_ns: int | None = None,
) -> Iterator[Seen | Learnt]:
    """Yield the books of a recording, and what was learnt of pairs before the next of them.

    A few pages are in memory at a time, and no transaction stays open between them.
    Raises: MalformedPageError that names the page.
    """
    for number, payload in _pages(source, recording.id, first_ns, last_ns):
        try:
            for event in decode_page(payload):
                if (first_ns is None or event.at_ns >= first_ns) and (last_ns is None or event.at_ns <= last_ns):
                    yield event
        except MalformedPageError as error:
            raise MalformedPageError(f"recording {recording.id}, page {number}: {error}") from error


def _pages(
    source: psycopg.Connection[Any], recording_id: int, first_ns: int | None, last_ns: int | None
) -> Iterator[tuple[int, bytes]]:
    asked = {
        "recording": recording_id,
        "after": -1,
        "first": None if first_ns is None else from_ns(first_ns),
        "last": None if last_ns is None else from_ns(last_ns),
        "limit": PAGES_AT_ONCE,
    }
    while rows := source.execute(_PAGES, asked, binary=True).fetchall():
        yield from rows
        asked["after"] = rows[-1][0]


def _holds(row: dict[str, Any], first_ns: int | None, last_ns: int | None) -> bool:
    if first_ns is None and last_ns is None:
        return True
    if row["first_at"] is None:
        return False
    begins_before_end = last_ns is None or row["first_at"] <= from_ns(last_ns)
    return begins_before_end and (first_ns is None or row["last_at"] >= from_ns(first_ns))


def _info(row: dict[str, Any]) -> RecordingInfo:
    return RecordingInfo(**row | {"mode": Mode(row["mode"]), "terms": terms_from_json(row["terms"])})


def _database_of(mode: Mode) -> str:
    """Return the database's name; that of our own mode as Django has it, which under test is another."""
    ours = settings.ARB.database
    return str(connection.settings_dict["NAME"]) if ours.name_for(mode) == ours.name else ours.name_for(mode)


def _conninfo(name: str) -> str:
    ours = settings.ARB.database
    told = {"application_name": "arbsite-recordings"} | ours.parameters_of(name)
    return make_conninfo(**told, password=ours.password.reveal())
