"""Keeping a connection open."""

import asyncio
import time
from collections.abc import Callable
from random import Random

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues.connection import (
    FRAMES_AT_A_TIME,
    Backoff,
    Conversation,
    SocketSettings,
    asked_in_time,
    keep_talking,
)
from trading.venues.health import FeedHealth


def test_waits_double_up_to_the_limit_within_their_upper_half() -> None:
    backoff = Backoff(Random(1), first_s=0.5, longest_s=4.0)
    full_s = [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    for wait_s, limit_s in zip([backoff.next_s() for _ in full_s], full_s, strict=True):
        assert limit_s / 2 <= wait_s <= limit_s


def test_a_reset_begins_again() -> None:
    backoff = Backoff(Random(1), first_s=0.5, longest_s=4.0)
    for _ in range(5):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_two_clients_with_different_seeds_do_not_return_together() -> None:
    waits = {Backoff(Random(seed), first_s=1.0, longest_s=8.0).next_s() for seed in range(10)}
    assert len(waits) == 10


def test_a_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff(Random(1), first_s=1.0, longest_s=8.0)
    assert max(backoff.next_s() for _ in range(2000)) <= 8.0


class Blocking:
    """A conversation that once keeps the whole process busy for longer than any silence that is borne."""

    def __init__(self) -> None:
        self.frames = 0

    def opening(self) -> list[str]:
        return []

    def when_quiet(self) -> list[str]:
        return ["are you there?"]

    def answer(self, frame: str | bytes) -> list[str]:
        self.frames += 1
        if self.frames == 5:
            time.sleep(1.5)
        return []


async def test_a_process_that_is_behind_takes_nobody_for_silent() -> None:
    async def speak(socket: ServerConnection) -> None:
        while True:
            await socket.send("x")
            await asyncio.sleep(0.02)

    talk, health = Blocking(), FeedHealth("a", origin="a")
    async with serve(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = SocketSettings(f"ws://127.0.0.1:{port}", silence_s=0.8, book_silence_s=60.0)
        task = asyncio.create_task(
            keep_talking(settings, lambda: talk, health=health, clock=SYSTEM_CLOCK, rng=Random(1))
        )
        for _ in range(3_000):
            if talk.frames >= 40:
                break
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])
    assert talk.frames >= 40
    assert health.reconnects == 0


class Counting:
    """A conversation that takes a while over each frame."""

    def __init__(self) -> None:
        self.frames = 0

    def opening(self) -> list[str]:
        return []

    def when_quiet(self) -> list[str]:
        return []

    def answer(self, frame: str | bytes) -> list[str]:
        self.frames += 1
        return []


async def test_a_flood_on_one_connection_leaves_the_others_their_turn() -> None:
    async def flood(socket: ServerConnection) -> None:
        for _ in range(2_000):
            await socket.send("x")
        await socket.wait_closed()

    talk, steps = Counting(), []
    async with serve(flood, "127.0.0.1", 0) as server:
        settings = SocketSettings(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        health = FeedHealth("a", origin="a")
        task = asyncio.create_task(
            keep_talking(settings, lambda: talk, health=health, clock=SYSTEM_CLOCK, rng=Random(1))
        )
        while talk.frames < 2_000:
            before = talk.frames
            await asyncio.sleep(0)
            steps.append(talk.frames - before)
        task.cancel()
        await asyncio.wait([task])
    assert max(steps) <= FRAMES_AT_A_TIME


class Confirming(Counting):
    """A conversation about books: it falls behind at its third frame, and notes how far it was at each confirmation."""

    def __init__(self) -> None:
        super().__init__()
        self.confirmed_after: list[int] = []

    def answer(self, frame: str | bytes) -> list[str]:
        super().answer(frame)
        if self.frames == 3:
            time.sleep(0.5)
        return []

    def confirm(self, heard_at_ns: int) -> list[str]:
        self.confirmed_after.append(self.frames)
        return []


async def test_quiet_books_are_confirmed_only_when_nothing_waits_to_be_read() -> None:
    async def speak(socket: ServerConnection) -> None:
        for _ in range(300):
            await socket.send("x")
        await socket.wait_closed()

    talk, health = Confirming(), FeedHealth("a", origin="a")
    async with serve(speak, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = asked_in_time(SocketSettings(url, silence_s=30.0), max_age_ms=60)
        task = asyncio.create_task(
            keep_talking(settings, lambda: talk, health=health, clock=SYSTEM_CLOCK, rng=Random(1))
        )
        for _ in range(3_000):
            if len(talk.confirmed_after) >= 3 and health.round_trip_ns:
                break
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait([task])
    assert talk.confirmed_after and set(talk.confirmed_after) == {300}
    assert health.round_trip_ns > 0


def talking_to(server: Server, talk: Conversation) -> asyncio.Task[None]:
    """Return a conversation with ``server`` under way, watched twenty times a second."""
    settings = SocketSettings(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", silence_s=0.4)
    health = FeedHealth("a", origin="a")
    return asyncio.create_task(keep_talking(settings, lambda: talk, health=health, clock=SYSTEM_CLOCK, rng=Random(1)))


async def chatter(socket: ServerConnection) -> None:
    while True:
        await socket.send("x")
        await asyncio.sleep(0.01)


class Failing(Counting):
    """A conversation whose quiet books nobody can take."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error
        self.before: Callable[[], object] = lambda: None

    def confirm(self, heard_at_ns: int) -> list[str]:
        self.before()
        raise self._error


async def test_what_is_ended_at_the_instant_at_which_its_watch_fails_ends() -> None:
    talk = Failing(OSError("no space left"))
    async with serve(chatter, "127.0.0.1", 0) as server:
        talking = talking_to(server, talk)
        talk.before = talking.cancel
        await asyncio.wait([talking], timeout=60)
        assert talking.cancelled()


async def test_a_connection_does_not_go_on_without_its_watch() -> None:
    async with serve(chatter, "127.0.0.1", 0) as server:
        talking = talking_to(server, Failing(ValueError("our own fault")))
        await asyncio.wait([talking], timeout=60)
        assert talking.done()
        with pytest.raises(ValueError, match="our own fault"):
            await talking


class Flooding(Counting):
    """A conversation that says more than whoever does not listen can take."""

    def opening(self) -> list[str]:
        return ["x" * (1 << 20)] * 32


async def test_a_conversation_with_a_venue_that_takes_nothing_in_ends_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trading.venues.connection.CLOSE_WITHIN_S", 0.1)

    async def listen_to_nothing(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serve(listen_to_nothing, "127.0.0.1", 0, max_queue=1, max_size=None, close_timeout=0.1) as server:
        talking = talking_to(server, Flooding())
        await asyncio.wait([talking], timeout=0.3)
        talking.cancel()
        await asyncio.wait([talking], timeout=60)
        assert talking.cancelled()
