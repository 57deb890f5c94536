"""Looks at the system all the while: queues, canaries, what was executed, and the memory of every process."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

import psycopg
import redis

from ops.queues import Queue
from tests.soak.memory import Life
from tests.soak.proc import age_and_memory, children_of
from tests.soak.system import System

LOOK_EVERY_S = 2.0
_COUNTS = "SELECT count(*), count(*) FILTER (WHERE settled_at IS NULL) FROM trading_execution"
_WAITING = "SELECT count(*) FROM ops_outbox WHERE dispatched_at IS NULL"


@dataclass(slots=True)
class Seen:
    """What was seen so far."""

    deepest: Counter[str] = field(default_factory=Counter)  # messages by queue
    depths: dict[str, int] = field(default_factory=dict)  # at the last look
    most_waiting: int = 0  # outbox rows
    executions: list[tuple[float, int]] = field(default_factory=list)  # seconds since the start, settled so far
    lives: dict[int, Life] = field(default_factory=dict)
    looks: int = 0
    blind_looks: int = 0  # a server did not answer


class Watcher:
    """A thread that looks every two seconds; a server that is away is looked at the next time."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._began_s = time.monotonic()
        self.seen = Seen()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            self.look()

    def look(self) -> None:
        """Look once."""
        self.seen.looks += 1
        self._weigh()
        try:
            self._look_at_queues()
            self._look_at_rows()
        except (redis.RedisError, psycopg.Error, OSError):
            self.seen.blind_looks += 1

    def _look_at_queues(self) -> None:
        with self._system.redis() as client:
            depths = {str(queue): int(client.llen(str(queue))) for queue in Queue}
            depths["taken, not done"] = int(client.hlen("unacked"))
        self.seen.depths = depths
        for name, depth in depths.items():
            self.seen.deepest[name] = max(self.seen.deepest[name], depth)

    def _look_at_rows(self) -> None:
        ((total, unsettled),) = self._system.ask(_COUNTS)
        ((waiting,),) = self._system.ask(_WAITING)
        self.seen.most_waiting = max(self.seen.most_waiting, waiting)
        self.seen.executions.append((time.monotonic() - self._began_s, total - unsettled))

    def _weigh(self) -> None:
        for name, pid in self._system.pids().items():
            if pid:
                self._note(name, pid)
                for child in children_of(pid):
                    self._note(f"{name}'s child", child)

    def _note(self, name: str, pid: int) -> None:
        found = age_and_memory(pid)
        if found is not None:
            self.seen.lives.setdefault(pid, Life(name, pid)).samples.append(found)
