"""What is done to the system, and the seeded order in which it is done."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

from arbsite.embedded.postgres import Postgres
from arbsite.embedded.valkey import Valkey
from simulator.faults import FaultKind
from simulator.instruments import KRAKEN, VENUES
from tests.soak.system import SIMULATOR, System

LASTS_S = 6.0
_VALUES = {FaultKind.LATENCY: 2000.0}
_LISTENS = "query LIKE 'LISTEN%'"  # the session in which the outbox's publisher waits

Deed = Callable[[System], None]


def nothing(system: System) -> None:
    """Leave the fault to end by itself."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what begins it, what ends it, and whether connections and processes go away under others."""

    name: str
    begin: Deed
    end: Deed = nothing
    lasts_s: float = 0.0
    is_outage: bool = True  # errors that speak of something gone are its echo


def deck(names: list[str], rng: Random) -> Iterator[Fault]:
    """Yield faults without end, each once before any comes again. ``names`` are the system's processes."""
    while True:
        cards = [*venue_faults(rng), *kills(names), *server_faults(), *node_faults()]
        rng.shuffle(cards)
        yield from cards


def venue_faults(rng: Random) -> list[Fault]:
    """Return one fault of each kind that the venues' doubles know, at a venue drawn by lot."""
    chosen = [(kind, KRAKEN if kind is FaultKind.WRONG_CHECKSUM else rng.choice(VENUES)) for kind in FaultKind]
    return [
        Fault(f"{venue}: {kind}", partial(_misbehave, kind=kind, venue=venue), lasts_s=LASTS_S, is_outage=False)
        for kind, venue in chosen
    ]


def kills(names: list[str]) -> list[Fault]:
    """Return the end of each process without a warning, and of the children that do the work."""
    whole = [Fault(f"{name}: killed", partial(_kill, find=partial(System.pid_of, name=name))) for name in names]
    parents = [name for name in names if name.startswith(("worker-execution", "worker-ml", "web"))]
    children = [
        Fault(f"{name}: child killed", partial(_kill, find=partial(System.child_of, name=name))) for name in parents
    ]
    guards = [
        Fault("keeper of the servers: killed", partial(_kill, find=System.keeper_pid)),
        Fault("guardian: killed", partial(_kill, find=System.guardian_pid)),
    ]
    return [*whole, *children, *guards]


def server_faults() -> list[Fault]:
    """Return what happens to Redis and PostgreSQL."""
    redis, postgres = partial(System.server_pid, server=Valkey), partial(System.server_pid, server=Postgres)
    return [
        Fault("Redis: killed", partial(_kill, find=redis)),
        _freeze("Redis: frozen", redis),
        Fault("PostgreSQL: killed", partial(_kill, find=postgres)),
        Fault("PostgreSQL: every session ended", _cut_all),
        Fault("publisher: its session ended", partial(_cut, condition=_LISTENS)),
    ]


def node_faults() -> list[Fault]:
    """Return what happens to the chain's node."""
    return [
        Fault("chain node: killed", partial(_kill, find=System.node_pid), is_outage=False),
        _freeze("chain node: frozen", System.node_pid, is_outage=False),
        _freeze(f"{SIMULATOR}: frozen", partial(System.pid_of, name=SIMULATOR), is_outage=False),
    ]


def _freeze(name: str, find: Callable[[System], int], *, is_outage: bool = True) -> Fault:
    stop, go_on = (partial(_send, find=find, number=number) for number in (signal.SIGSTOP, signal.SIGCONT))
    return Fault(name, stop, go_on, lasts_s=LASTS_S, is_outage=is_outage)


def _misbehave(system: System, *, kind: FaultKind, venue: str) -> None:
    system.misbehave(kind, venue, lasts_s=LASTS_S, value=_VALUES.get(kind, 0.0))


def _kill(system: System, *, find: Callable[[System], int]) -> None:
    os.kill(find(system), signal.SIGKILL)


def _send(system: System, *, find: Callable[[System], int], number: int) -> None:
    os.kill(find(system), number)


def _cut(system: System, *, condition: str) -> None:
    if not system.cut_sessions(condition):
        raise LookupError(f"no session with {condition}")


def _cut_all(system: System) -> None:
    _cut(system, condition="backend_type = 'client backend'")
