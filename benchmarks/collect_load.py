"""The real ``collect`` against twenty venues under load: what was sent is what is in the table, or this fails.

    python -m benchmarks.collect_load [--minutes 20] [--venues 20] [--books 100] [--per-s 2000]
                                      [--burst-per-s 10000] [--burst-s 10]

Real sockets, a real database of its own, real processes. Half-way the burst comes. At the end the venues fall silent,
the collector is stopped, every recorded page is read back, and the books in it are counted venue by venue. A book is
too old at 60 s here instead of 2 s, so that what a busy machine takes late is counted as late and not refused as stale.

The baseline, in the same run: what merely receiving the same frames costs, read by the same WebSocket library.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from websockets.asyncio.client import connect

from arbsite.embedded import Lease, acquire
from domain.scope import Mode
from simulator.instruments import KRAKEN
from trading.services.recording.pages import shares_of

CHECKOUT = Path(__file__).resolve().parent.parent
MAX_AGE_MS = 60_000
BASELINE_S = 8.0
PATIENCE_S = 60.0
LOOK_S = 0.25
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
WARM_MINUTES = 2  # until then histories fill and the allocator settles
MOST_GROWTH = 0.15  # of memory from then on


@dataclass(frozen=True, slots=True)
class Usage:
    """What a group of processes has used: CPU seconds until now, bytes in memory now."""

    cpu_s: float
    rss: int


def main() -> int:
    """Run once, print, and return 0 where nothing was lost and memory stayed flat."""
    told = _arguments()
    state_dir = Path(f"/var/tmp/arbsite-load-{os.getpid()}")  # noqa: S108 - the database's own user must reach it
    with ExitStack() as held:
        held.callback(shutil.rmtree, state_dir, ignore_errors=True)
        lease = held.enter_context(acquire(state_dir))
        venues = held.enter_context(_venues(told))
        print(_baseline(venues, told), flush=True)
        venues.begin()
        with _collector(venues, state_dir) as collector:
            run = Run(venues, collector, lease)
            run.go(told)
            figures = run.stop()
        return _verdict(run, figures)


class Venues:
    """The doubles under load, in a process of their own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        self.control: str = told["control"]
        self.variables: dict[str, str] = told["variables"]
        self._before: Counter[str] = Counter()

    def counts(self) -> Any:
        """Return what was sent since ``begin``."""
        with urllib.request.urlopen(self.control, timeout=60) as answer:  # noqa: S310 - on loopback
            told = json.load(answer)
        told["by_venue"] = {venue: count - self._before[venue] for venue, count in told["by_venue"].items()}
        return told | {"sent": sum(told["by_venue"].values())}

    def begin(self) -> None:
        """Count from now, when nobody listens any more."""
        while self.counts()["sessions"]:
            time.sleep(LOOK_S)
        self._before = Counter(self.counts()["by_venue"])

    def set(self, **pace: float) -> None:
        """Set the pace."""
        request = urllib.request.Request(self.control, json.dumps(pace).encode(), method="POST")  # noqa: S310
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310

    def streams(self) -> Iterator[tuple[str, str]]:
        """Yield the adapter and the address of every venue's stream."""
        yield KRAKEN, self.variables["ARB_KRAKEN_WS_URL"]
        yield "alpaca", self.variables["ARB_ALPACA_STREAM_URL"]
        for one in self.variables["ARB_MORE_VENUES"].split():
            _, _, rest = one.partition("=")
            adapter, _, addresses = rest.partition("@")
            yield adapter, addresses.split(",")[-1]


class Run:
    """One collector under load, and what was seen of it."""

    def __init__(self, venues: Venues, collector: "subprocess.Popen[str]", lease: Lease) -> None:
        self._venues = venues
        self._collector = collector
        self._lease = lease
        self.memory: list[int] = []
        self.sent: Any = {}
        self.by_venue: Counter[str] = Counter()

    def go(self, told: argparse.Namespace) -> None:
        """Wait until every venue is listened to, then load it for so many minutes, with the burst half-way."""
        self._until(lambda: self._venues.counts()["sessions"] == told.venues, "every venue is listened to")
        print(
            f"{'minute':>6} {'sent/s':>8} {'in table/s':>11} {'behind':>8} {'cores':>6} {'db cores':>9} {'RSS MB':>7}"
        )
        burst_at = max(1, round(told.minutes / 2))
        for minute in range(1, told.minutes + 1):
            if minute == burst_at:
                self._venues.set(burst_per_s=told.burst_per_s, for_s=told.burst_s)
                print(f"       a burst of {told.burst_per_s:g} a second for {told.burst_s:g} s")
            self._minute(minute)

    def stop(self) -> Any:
        """Let the venues fall silent, wait until all is in the table, stop the collector, and return its figures."""
        self._venues.set(per_s=0)
        time.sleep(1)
        self.sent = self._venues.counts()
        began_s = time.monotonic()
        with suppress(TimeoutError):
            self._until(lambda: self._recorded() >= self.sent["sent"], "everything is in the table")
        print(f"silence; what was sent was in the table, or not, after {time.monotonic() - began_s:.1f} s", flush=True)
        self._collector.send_signal(signal.SIGINT)
        output, _ = self._collector.communicate(timeout=PATIENCE_S)
        self.sent = self._venues.counts()
        self._read_back()
        return json.loads(output)

    def _minute(self, minute: int) -> None:
        before, sent, rows = self._usages(), self._venues.counts()["sent"], self._recorded()
        began_s = time.monotonic()
        time.sleep(60.0)
        after, counts, recorded = self._usages(), self._venues.counts(), self._recorded()
        lasted_s = time.monotonic() - began_s
        cores = [(new.cpu_s - old.cpu_s) / lasted_s for old, new in zip(before, after, strict=True)]
        self.memory.append(after[0].rss)
        print(
            f"{minute:>6} {(counts['sent'] - sent) / lasted_s:>8,.0f} {(recorded - rows) / lasted_s:>11,.0f} "
            f"{counts['sent'] - recorded:>8,} {cores[0]:>6.2f} {cores[1]:>9.2f} {after[0].rss / 1e6:>7.0f}",
            flush=True,
        )

    def _usages(self) -> tuple[Usage, Usage]:
        return _usage([self._collector.pid]), _usage(_servers_of(self._lease))

    def _recorded(self) -> int:
        with psycopg.connect(self._lease.database_url(Mode.SIM)) as database:
            found = database.execute("SELECT coalesce(sum(updates), 0) FROM recorded_pages").fetchone()
        assert found is not None
        return int(found[0])

    def _read_back(self) -> None:
        with psycopg.connect(self._lease.database_url(Mode.SIM)) as database, database.cursor("pages") as pages:
            for (payload,) in pages.execute("SELECT payload FROM recorded_pages ORDER BY number", binary=True):
                self.by_venue.update({venue: share.updates for venue, share in shares_of(payload).items()})

    def _until(self, condition: Any, what: str) -> None:
        for _ in range(int(PATIENCE_S / LOOK_S)):
            if condition():
                return
            if self._collector.poll() is not None:
                raise SystemExit(f"the collector ended before {what}")
            time.sleep(LOOK_S)
        raise TimeoutError(what)


def _verdict(run: Run, figures: Mapping[str, Any]) -> int:
    sent, recorded = run.sent["by_venue"], figures["recorded"]
    lost = {venue: count - run.by_venue[venue] for venue, count in sent.items() if count != run.by_venue[venue]}
    refused = {name: one["refused"] for name, one in figures["venues"].items() if one["refused"]}
    warm = run.memory[WARM_MINUTES - 1 :]
    growth = warm[-1] / warm[0] - 1 if warm else 0.0
    taken, stored = _books_of(figures), run.by_venue.total()
    print(f"sent {run.sent['sent']:,}; taken by the feeds {taken:,}; in the table {stored:,}")
    print(f"{recorded['bytes_per_update']} bytes an update, {recorded['pages']:,} pages; writer {figures['writer']}")
    print(f"opportunities {figures['opportunities']}; memory {growth:+.1%} after the first {WARM_MINUTES} minutes")
    if refused:
        print(f"refused by the feeds: {refused}")
    is_flat = growth <= MOST_GROWTH
    print("nothing was lost" if not lost else f"LOST, by venue: {lost}", "" if is_flat else "and memory GREW", sep="; ")
    return 1 if lost or not is_flat else 0


def _books_of(figures: Mapping[str, Any]) -> int:
    return sum(one["books"] for one in figures["venues"].values())


@contextmanager
def _venues(told: argparse.Namespace) -> Iterator[Venues]:
    options = ("--load", str(told.venues), "--books", str(told.books), "--per-s", str(told.per_s), "--json")
    with _process("simulate", *options, variables={}) as process:
        yield Venues(process)


@contextmanager
def _collector(venues: Venues, state_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    variables = {
        **venues.variables,
        "ARB_STATE_DIR": str(state_dir),
        "ARB_MAX_BOOK_AGE_MS": str(MAX_AGE_MS),
    }
    with _process("collect", "--mode", "sim", "--json", variables=variables) as process:
        yield process


@contextmanager
def _process(*argv: str, variables: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    process = subprocess.Popen(
        [sys.executable, "manage.py", *argv], cwd=CHECKOUT, env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_S)


def _baseline(venues: Venues, told: argparse.Namespace) -> str:
    received, cpu_s, lasted_s = asyncio.run(_receive(venues))
    return (
        f"baseline, receiving alone: {received / lasted_s:,.0f} frames a second at {cpu_s / lasted_s:.2f} cores, "
        f"{cpu_s / received * 1e6:.0f} us a frame; {told.venues} venues of {told.books} books"
    )


async def _receive(venues: Venues) -> tuple[int, float, float]:
    counts: Counter[str] = Counter()
    symbols = venues.variables["ARB_PAIRS"].split(",")
    tasks = [
        asyncio.create_task(_follow(adapter, url, symbols, venues.variables, counts))
        for adapter, url in venues.streams()
    ]
    await asyncio.sleep(2)
    counted, began_s, cpu_s = counts["frames"], time.monotonic(), time.process_time()
    await asyncio.sleep(BASELINE_S)
    found = counts["frames"] - counted, time.process_time() - cpu_s, time.monotonic() - began_s
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return found


async def _follow(
    adapter: str, url: str, symbols: list[str], variables: Mapping[str, str], counts: "Counter[str]"
) -> None:
    import msgpack  # type: ignore[import-untyped]  # late: Kraken's frames need none

    async with connect(url, compression=None, max_size=None) as socket:
        if adapter == KRAKEN:
            await socket.send(json.dumps({"method": "subscribe", "params": {"symbol": symbols}}))
        else:
            key, secret = variables["ALPACA_DATA_API_KEY"], variables["ALPACA_DATA_API_SECRET"]
            await socket.send(msgpack.packb({"action": "auth", "key": key, "secret": secret}))
            await socket.send(msgpack.packb({"action": "subscribe", "orderbooks": symbols}))
        async for _ in socket:
            counts["frames"] += 1


def _usage(pids: list[int]) -> Usage:
    cpu_s, rss = 0.0, 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            cpu_s += (int(fields[11]) + int(fields[12])) / TICKS_PER_S
            rss += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return Usage(cpu_s, rss)


def _servers_of(lease: Lease) -> list[int]:
    """Return the database server and its children, each of which counts those of its own that have ended."""
    with psycopg.connect(lease.database_url(), autocommit=True) as database:
        rows = database.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall()
    return [pid for (pid,) in rows]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--venues", type=int, default=20)
    parser.add_argument("--books", type=int, default=100)
    parser.add_argument("--per-s", type=float, default=2_000.0)
    parser.add_argument("--burst-per-s", type=float, default=10_000.0)
    parser.add_argument("--burst-s", type=float, default=10.0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
