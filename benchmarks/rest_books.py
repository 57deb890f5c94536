"""REST depth: what parsing one answer costs, and how long 60 books take over kept connections.

    python -m benchmarks.rest_books [--levels 100] [--books 60] [--delay-ms 30] [--rounds 40]

Baselines, in the same run: ccxt's own parse of the same bytes, and ccxt's asynchronous client, kept, asked for the same
books from the same server. The server is a process of its own that answers each request after the delay.
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from domain.errors import Unreachable
from domain.market import Pair
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues.kraken.depth import levels_of, read_depth, read_depth_in_decimals
from trading.venues.rest_books import RestBooks
from trading.venues.rest_books.readers import KrakenReader

MOST = {"texts": 0.15, "decimals": 0.40, "round trips": 1.6, "cpu": 0.45}
PARSES = 600


@dataclass(frozen=True, slots=True)
class Looked:
    """What one way of asking for every book cost, best of the rounds, and how many books came."""

    wall_ms: float
    cpu_ms: float
    books: int


def main() -> int:
    """Run once, print, and return 0 where every limit holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", type=int, default=100)
    parser.add_argument("--books", type=int, default=60)
    parser.add_argument("--delay-ms", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.serve:
        serve(told.delay_ms, told.levels)
        return 0
    ratios = parse_ratios(told.levels) | look_ratios(told)
    for name, ratio in ratios.items():
        print(f"{name:<12} {ratio:6.3f}  at most {MOST[name]}  {'ok' if ratio <= MOST[name] else 'MISSED'}")
    return 0 if all(ratio <= MOST[name] for name, ratio in ratios.items()) else 1


def parse_ratios(levels: int) -> dict[str, float]:
    """Return our time to parse one answer as a share of ccxt's, levels counted on either path."""
    import ccxt  # late: two CPU seconds

    body, client = depth_body(levels), ccxt.kraken()
    counts = {
        "ccxt": lambda: _count(client.parse_order_book(_only(json.loads(body)["result"]), "BTC/USD")),
        "texts": lambda: _count(vars_of(read_depth(body).depth)),
        "decimals": lambda: _count(vars_of(read_depth_in_decimals(body).depth)),
        "all levels": lambda: sum(len(levels_of(rows, levels)) for rows in vars_of(read_depth(body).depth).values()),
    }
    found = {name: work() for name, work in counts.items()}
    assert set(found.values()) == {2 * levels}, found
    spent_us = _side_by_side(counts)
    print(f"one answer of {levels} levels a side, in us: " + ", ".join(f"{n} {us:.1f}" for n, us in spent_us.items()))
    return {name: spent_us[name] / spent_us["ccxt"] for name in ("texts", "decimals")}


def vars_of(depth: Any) -> dict[str, Any]:
    """Return both sides by name."""
    return {"bids": depth.bids, "asks": depth.asks}


def look_ratios(told: argparse.Namespace) -> dict[str, float]:
    """Return the round trips that all books take, and our CPU as a share of kept ccxt clients'."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.rest_books", "--serve", *_served(told)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        ours, theirs = asyncio.run(_ours(url, told)), asyncio.run(_ccxt(url, told))
    finally:
        server.terminate()
        server.wait()
    trip_ms = told.delay_ms
    for name, looked in (("ours", ours), ("ccxt, kept", theirs)):
        print(f"{name}: {looked.books} books in {looked.wall_ms:.1f} ms, {looked.cpu_ms:.1f} ms of CPU")
    if not ours.books == theirs.books == told.books:
        raise Unreachable(f"{told.books} books were asked for")
    return {"round trips": ours.wall_ms / trip_ms, "cpu": ours.cpu_ms / theirs.cpu_ms}


async def _ours(url: str, told: argparse.Namespace) -> Looked:
    reader = KrakenReader("kraken", url, clock=SYSTEM_CLOCK, depth=told.levels)
    books, pairs = RestBooks({"kraken": reader}, {}), _pairs(told.books)

    async def look() -> int:
        (reading,) = await books.read({"kraken": pairs})
        return len(reading.answers)

    try:
        return await _best_of(look, told.rounds)
    finally:
        await books.close()


async def _ccxt(url: str, told: argparse.Namespace) -> Looked:
    import ccxt.async_support  # late: as above

    client = ccxt.async_support.kraken({"enableRateLimit": False})
    client.urls["api"] = {**client.urls["api"], "public": url}
    symbols = [pair.symbol for pair in _pairs(told.books)]
    client.set_markets([_market(symbol) for symbol in symbols])

    async def look() -> int:
        found = await asyncio.gather(*(client.fetch_order_book(symbol, told.levels) for symbol in symbols))
        return sum(bool(book["bids"] and book["asks"]) for book in found)

    try:
        return await _best_of(look, told.rounds)
    finally:
        await client.close()


async def _best_of(look: Callable[[], Awaitable[int]], rounds: int) -> Looked:
    """Return the least wall and CPU times, once connections stand: what else the machine does is no side's cost."""
    await look()
    walls, cpus, books = [], [], 0
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), _cpu_s()
        books = await look()
        walls.append(time.perf_counter() - wall)
        cpus.append(_cpu_s() - cpu)
    return Looked(min(walls) * 1e3, min(cpus) * 1e3, books)


def _served(told: argparse.Namespace) -> tuple[str, ...]:
    return ("--delay-ms", str(told.delay_ms), "--levels", str(told.levels))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _side_by_side(works: dict[str, Callable[[], int]]) -> dict[str, float]:
    """Return the median microseconds of each, taken turn by turn so that a busy machine slows all alike."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(PARSES):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            taken[name].append((time.perf_counter() - began) * 1e6)
    return {name: statistics.median(times) for name, times in taken.items()}


def _count(sides: dict[str, Any]) -> int:
    return len(sides["bids"]) + len(sides["asks"])


def _only(result: dict[str, Any]) -> Any:
    (found,) = result.values()
    return found


def _pairs(count: int) -> list[Pair]:
    return [Pair.parse(f"L{number}/USD") for number in range(count)]


def _market(symbol: str) -> dict[str, Any]:
    base, _, quote = symbol.partition("/")
    precision = {"amount": 1e-8, "price": 0.1}
    return {"id": base + quote, "symbol": symbol, "base": base, "quote": quote, "precision": precision, "spot": True}


def depth_body(levels: int, name: str = "XXBTZUSD") -> bytes:
    """Return a Depth answer with so many levels a side."""
    sides = {
        "asks": [[f"{64000 + number / 10:.5f}", f"{1 + number / 7:.3f}", 1_700_000_000] for number in range(levels)],
        "bids": [[f"{63999 - number / 10:.5f}", f"{1 + number / 7:.3f}", 1_700_000_000] for number in range(levels)],
    }
    return json.dumps({"error": [], "result": {name: sides}}, separators=(",", ":")).encode()


def serve(delay_ms: float, levels: int) -> None:
    """Answer every request for depth after the delay; write the port first."""
    body = depth_body(levels, "{name}").decode()

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(delay_ms / 1e3)
        return web.Response(text=body.replace("{name}", request.query["pair"]), content_type="application/json")

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/0/public/Depth", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main())
