"""What one Kraken message costs from its text to the updated book: ours beside ccxt.pro's, in one process, no sockets.

    python -m benchmarks.book_messages [--books 40] [--updates 20000] [--rounds 5]

Baseline, in the same run: ccxt.pro's own client and exchange as installed, with its checksum switched on. For that it
must keep the digits as sent, which it does not by itself: its decoder is asked for strings, and its number type is a
float that remembers its digits. Ours always verifies. ccxt.pro as it comes, unverified floats, is shown beside them.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any, Self

import ccxt.pro
from ccxt.async_support.base.ws import client as ccxt_client

from domain.market import Book
from simulator.instruments import KRAKEN
from simulator.load.cycles import LEVELS, cycles_of, load_pairs
from simulator.load.frames import FRAMES, PairFrames, Stamped
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues.connection import SocketSettings
from trading.venues.health import FeedHealth
from trading.venues.kraken.feed import KrakenConversation, KrakenFeedSettings

MAX_AGE_MS = 3_600_000
TARGET = 0.4


def main() -> None:
    """Run each path over the same messages a few times and print the best of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--books", type=int, default=40)
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    messages = Messages(told.books, told.updates)
    paths: dict[str, Callable[[Messages], tuple[float, int]]] = {
        "ours, verified": run_ours,
        "ccxt.pro, verified": run_ccxt_verified,
        "ccxt.pro, unverified": run_ccxt_unverified,
    }
    rounds = [{name: run(messages) for name, run in paths.items()} for _ in range(told.rounds)]
    best = {name: min(one[name][0] for one in rounds) for name in paths}
    for name, us in best.items():
        print(f"{name:22}{us:7.2f} us a message, {rounds[0][name][1]} books updated")
    ratio = best["ours, verified"] / best["ccxt.pro, verified"]
    print(f"ours / ccxt.pro, both verified: {ratio:.2f} (target {TARGET}); levels a side: {LEVELS}")


class Messages:
    """Whole books, and updates of one or two levels that follow them, every pair in turn."""

    def __init__(self, books: int, updates: int) -> None:
        instruments = load_pairs(books)
        self.pairs = [one.pair for one in instruments]
        found = [FRAMES[KRAKEN].frames(cycle) for cycle in cycles_of(KRAKEN, instruments, seed=1)]
        self.whole = [_text(one.whole) for one in found]
        self.updates = [_update(found[number % books], number // books) for number in range(updates)]


def run_ours(messages: Messages) -> tuple[float, int]:
    """Return us a message and how many books were handed on."""
    books: list[Book] = []
    settings = KrakenFeedSettings(SocketSettings("ws://nowhere/v2"), "", MAX_AGE_MS, depth=LEVELS)
    health = FeedHealth(KRAKEN, origin=KRAKEN)
    talk = KrakenConversation(
        messages.pairs, settings, health=health, clock=SYSTEM_CLOCK, seq=count(1), on_change=books.append
    )
    us = _timed(messages, talk.answer, books.clear)
    assert not health.refused, health.refused
    return us, len(books)


def run_ccxt_verified(messages: Messages) -> tuple[float, int]:
    """Return us a message and how many books were updated, each found to have the checksum sent with it."""
    return asyncio.run(_run_ccxt(messages, is_verified=True))


def run_ccxt_unverified(messages: Messages) -> tuple[float, int]:
    """Return us a message and how many books were updated."""
    return asyncio.run(_run_ccxt(messages, is_verified=False))


async def _run_ccxt(messages: Messages, *, is_verified: bool) -> tuple[float, int]:
    exchange = ccxt.pro.kraken({"options": {"watchOrderBook": {"checksum": is_verified}}})
    client = exchange.client("ws://nowhere/v2")
    for pair in messages.pairs:
        client.subscriptions[exchange.get_message_hash("orderbook", None, pair.symbol)] = {"limit": LEVELS}
    updated: list[str] = []
    client.resolve = lambda _, message_hash: updated.append(message_hash)
    decoder = ccxt_client.json_parser
    if is_verified:
        exchange.number = Remembering
        ccxt_client.json_parser = _ExactDecoder
    try:
        us = _timed(messages, client.handle_text_or_binary_message, updated.clear)
    finally:
        ccxt_client.json_parser = decoder
        await exchange.close()
    return us, len(updated)


class Remembering(float):
    """A float that is split as the digits it was made from: what ccxt needs to verify a checksum."""

    __slots__ = ("digits",)

    def __new__(cls, digits: str) -> Self:
        """Return the number that ``digits`` writes."""
        number = super().__new__(cls, digits)
        number.digits = digits
        return number

    def split(self, mark: str) -> list[str]:
        """Return the digits on either side of ``mark``."""
        return self.digits.split(mark)


class _ExactDecoder:
    _decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    loads = staticmethod(_decoder.decode)


def _timed(messages: Messages, take: Callable[[str], Any], forget: Callable[[], None]) -> float:
    for text in messages.whole:
        take(text)
    forget()
    begun_ns = time.thread_time_ns()
    for text in messages.updates:
        take(text)
    return (time.thread_time_ns() - begun_ns) / 1e3 / len(messages.updates)


def _update(found: PairFrames, lap: int) -> str:
    return _text(found.updates[lap % len(found.updates)])


def _text(frame: Stamped) -> str:
    whole = frame.head + FRAMES[KRAKEN].stamp(SYSTEM_CLOCK.now_ns()) + frame.tail
    return whole[{126: 4, 127: 10}.get(whole[1], 2) :].decode()


if __name__ == "__main__":
    main()
