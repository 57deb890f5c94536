"""The soak itself: start, wound, wait for green, and judge in the end."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

import psycopg
import redis

from arbsite.demo.errors import LoggedError, LogTail
from domain.errors import Unreachable
from domain.scope import Mode, Scope
from domain.timestamps import to_ns
from ops.queues import BEAT, Queue
from tests.soak.faults import Fault, deck
from tests.soak.system import FLOWER, WEB, System, wait_until
from tests.soak.watching import Watcher
from trading.marketdata.clock import SystemClock
from trading.marketdata.price_cache import CachedBooks

SCOPE = Scope(Mode.SIM)
CANARIES = {*map(str, Queue), BEAT}
START_S = 120.0
END_S = 90.0
_LONG_MS = 3_600_000
_EARLY, _AFTERMATH = timedelta(seconds=2), timedelta(seconds=5)
_SIGNS = "SELECT queue, consumed_at FROM ops_canary WHERE mode = 'sim' AND run_id = ''"
_TRIPS = "SELECT happened_at, kind, after, reason FROM risk_breakerevent WHERE mode = 'sim' AND run_id = '' ORDER BY id"


@dataclass(slots=True)
class Wound:
    """One fault as it went."""

    name: str
    at_s: float
    began_at: datetime
    is_outage: bool
    ended_at: datetime | None = None
    green_after_s: float | None = None  # after its end; None: not before the next one
    missing: str = ""
    failure: str = ""  # it could not be done

    @property
    def until(self) -> datetime:
        """Return when its echo ends."""
        ended_at = self.ended_at or self.began_at
        return ended_at + timedelta(seconds=self.green_after_s or _LONG_MS / 1000) + _AFTERMATH

    def as_json(self) -> dict[str, Any]:
        """Return it as a line of the report."""
        told = {"fault": self.name, "at_s": round(self.at_s, 1), "green_after_s": self.green_after_s}
        return told | {name: text for name, text in (("missing", self.missing), ("failure", self.failure)) if text}


@dataclass(slots=True)
class Soak:
    """What a soak found."""

    seed: int
    minutes: float
    start_s: float = 0.0
    wounds: list[Wound] = field(default_factory=list)
    troubles: list[LoggedError] = field(default_factory=list)
    open_at_end: int | None = None
    trips: list[str] = field(default_factory=list)  # what stopped new trades, and when
    reconciled: tuple[int, dict[str, Any]] = (1, {})
    ended: tuple[int, list[str]] = (1, [])

    def unexplained(self) -> list[LoggedError]:
        """Return the exceptions that no outage of ours explains."""
        outages = [(wound.began_at, wound.until) for wound in self.wounds if wound.is_outage]
        return [one for one in self.troubles if one.is_exception and not is_echo(one, outages)]


def is_echo(trouble: LoggedError, outages: list[tuple[datetime, datetime]]) -> bool:
    """Return whether it speaks of something gone while something was."""
    return trouble.speaks_of_an_outage and any(since - _EARLY <= trouble.at <= until for since, until in outages)


class Greenness:
    """Whether every part has done something since an instant."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.missing: list[str] = []

    def since(self, at: datetime) -> bool:
        """Return whether every part works since ``at``; otherwise ``missing`` names those that do not."""
        self.missing = [*self._gone(), *self._silent(at), *self._still(at), *self._unserved()]
        return not self.missing

    def _gone(self) -> list[str]:
        return [name for name, pid in self._system.pids().items() if not pid]

    def _silent(self, at: datetime) -> list[str]:
        try:
            signs = dict(self._system.ask(_SIGNS))
        except psycopg.Error:
            return ["PostgreSQL"]
        return [f"canary {name}" for name in sorted(CANARIES) if name not in signs or signs[name] <= at]

    def _still(self, at: datetime) -> list[str]:
        try:
            with self._system.redis() as client:
                cached, _ = CachedBooks(client, SCOPE, clock=SystemClock(), max_age_ms=_LONG_MS).books()
        except (redis.RedisError, OSError, Unreachable):
            return ["Redis"]
        venues = {key.venue for key in cached}
        moving = {key.venue for key, book in cached.items() if book.seen_at_ns > to_ns(at)}
        return [f"market data of {venue}" for venue in sorted(venues - moving)] or ([] if venues else ["market data"])

    def _unserved(self) -> list[str]:
        pages = ((WEB, "/healthz"), (FLOWER, "/"))
        return [f"pages of {name}" for name, path in pages if not self._system.answers(name, path)]


def soak(system: System, *, seed: int, minutes: float, every_s: float, only: str, tell: Any) -> tuple[Soak, Watcher]:
    """Wound ``system`` every ``every_s`` until ``minutes`` are over, end it, and return what was found."""
    found, green, tail = Soak(seed, minutes), Greenness(system), LogTail()
    found.start_s = start(system, green)
    tell(f"all green after {found.start_s:.0f} s")
    with Watcher(system) as watcher:
        for wound in wounds(system, found, green, seed=seed, minutes=minutes, every_s=every_s, only=only):
            found.troubles += tail.read(system.log_files())
            tell(line_of(wound))
        bring_to_an_end(system, found)
    found.troubles += tail.read(system.log_files())
    found.ended = system.end()
    return found, watcher


def start(system: System, green: Greenness) -> float:
    """Wait until all is green for the first time and return the seconds. Raises: Unreachable if it never is."""
    began = datetime.now(UTC)
    took_s = wait_until(lambda: green.since(began) or system.has_ended(), within_s=START_S)
    if took_s is None or system.has_ended():
        raise Unreachable(f"the system did not start: {', '.join(green.missing)}; {system.last_words()}")
    return took_s


def wounds(
    system: System, found: Soak, green: Greenness, *, seed: int, minutes: float, every_s: float, only: str
) -> Iterator[Wound]:
    """Do one fault after the other, and yield each when all is green or the next is due."""
    began_s = time.monotonic()
    faults = (fault for fault in deck(sorted(system.pids()), Random(seed)) if only in fault.name)
    for number, fault in enumerate(islice(faults, max(1, int(minutes * 60 / every_s)))):
        due_s = began_s + number * every_s
        time.sleep(max(0.0, due_s - time.monotonic()))
        wound = Wound(fault.name, time.monotonic() - began_s, datetime.now(UTC), fault.is_outage)
        found.wounds.append(wound)
        inflict(system, fault, wound, green, until_s=due_s + every_s)
        yield wound
    time.sleep(max(0.0, began_s + minutes * 60 - time.monotonic()))


def inflict(system: System, fault: Fault, wound: Wound, green: Greenness, *, until_s: float) -> None:
    """Do one fault, end it, and wait for green until the next is due."""
    try:
        fault.begin(system)
        time.sleep(fault.lasts_s)
        fault.end(system)
    except (LookupError, OSError, psycopg.Error) as error:
        wound.failure = f"{type(error).__name__}: {error}"
    ended_at = wound.ended_at = datetime.now(UTC)
    after_s = wait_until(lambda: green.since(ended_at), within_s=until_s - time.monotonic())
    wound.green_after_s = None if after_s is None else round(after_s, 1)
    wound.missing = "" if after_s is not None else ", ".join(green.missing)


def bring_to_an_end(system: System, found: Soak) -> None:
    """Let nothing new be opened, wait for what is open to end, and compare the books."""
    found.trips = [f"{at:%H:%M:%S} {kind} {state}: {reason}" for at, kind, state, reason in system.ask(_TRIPS)]
    system.run("halt", "--reason", "the soak ends")
    wait_until(lambda: _open_executions(system) == 0, within_s=END_S)
    found.open_at_end = _open_executions(system)
    found.reconciled = system.run("reconcile")


def line_of(wound: Wound) -> str:
    """Return a fault as a line."""
    after = (
        "NOT GREEN: " + wound.missing if wound.green_after_s is None else f"green after {wound.green_after_s:4.1f} s"
    )
    return f"{wound.at_s:7.1f} s  {wound.name:40}  {wound.failure or after}"


def as_json(trouble: LoggedError) -> dict[str, Any]:
    """Return a trouble as a line of the report."""
    return asdict(trouble) | {"at": trouble.at.isoformat()}


def _open_executions(system: System) -> int | None:
    try:
        ((count,),) = system.ask("SELECT count(*) FROM trading_execution WHERE settled_at IS NULL")
    except psycopg.Error:
        return None
    return int(count)
