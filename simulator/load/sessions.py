"""One client of a venue under load: what it subscribed to, where it stands in each cycle, and its bare connection."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgpack  # type: ignore[import-untyped]
from aiohttp import WSMsgType, web

from simulator.accounts import Account
from simulator.alpaca.access import authenticate
from simulator.instruments import KRAKEN
from simulator.kraken import wire as kraken_wire
from simulator.load.frames import PairFrames

HEARTBEAT_S = 1.0


@dataclass(slots=True)
class Sent:
    """What one venue has sent so far."""

    wholes: int = 0
    updates: int = 0


@dataclass(slots=True)
class Following:
    """One pair that a client follows."""

    frames: PairFrames
    position: int = 0


class Session:
    """A client and its subscriptions; frames go to the transport as they are."""

    def __init__(
        self, transport: asyncio.Transport, books: Mapping[str, PairFrames], sent: Sent, stamp: Callable[[int], bytes]
    ) -> None:
        self.sent = sent
        self._stamp = stamp
        self._transport = transport
        self._books = books
        self._following: dict[str, Following] = {}
        self._turn: list[Following] = []
        self._at = 0

    @property
    def is_following(self) -> bool:
        """Whether the client has subscribed to anything."""
        return bool(self._turn)

    def follow(self, symbols: Iterable[str]) -> None:
        """Send the whole book of each pair and follow it from its first position."""
        parts: list[bytes] = []
        stamp = self._stamp(time.time_ns())
        for symbol in symbols:
            following = self._following[symbol] = Following(self._books[symbol])
            parts += (following.frames.whole.head, stamp, following.frames.whole.tail)
            self.sent.wholes += 1
        self._turn = list(self._following.values())
        self._transport.write(b"".join(parts))

    def leave(self, symbols: Iterable[str]) -> None:
        """Follow these pairs no more."""
        for symbol in symbols:
            self._following.pop(symbol, None)
        self._turn = list(self._following.values())

    def update(self, count: int) -> None:
        """Send the next ``count`` updates, each of the next pair in turn, in one write."""
        parts: list[bytes] = []
        stamp = self._stamp(time.time_ns())
        turn, at = self._turn, self._at
        for _ in range(count):
            at = at + 1 if at + 1 < len(turn) else 0
            following = turn[at]
            head, tail = following.frames.updates[following.position]
            following.position = (following.position + 1) % len(following.frames.updates)
            parts += (head, stamp, tail)
        self._at = at
        self.sent.updates += count
        self._transport.write(b"".join(parts))


class Venue:
    """One venue under load: its clients, and how it speaks to a new one."""

    def __init__(
        self,
        name: str,
        adapter: str,
        books: Mapping[str, PairFrames],
        account: Account,
        *,
        stamp: Callable[[int], bytes],
    ) -> None:
        self.name = name
        self.adapter = adapter
        self.sent = Sent()
        self.sessions: list[Session] = []
        self._books = books
        self._account = account
        self._stamp = stamp

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Hold one client's connection until it ends."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        session = Session(request.transport, self._books, self.sent, self._stamp)
        self.sessions.append(session)
        talk = self._talk_kraken if self.adapter == KRAKEN else self._talk_alpaca
        try:
            await talk(socket, session)
        finally:
            self.sessions.remove(session)
        return socket

    async def _talk_kraken(self, socket: web.WebSocketResponse, session: Session) -> None:
        await socket.send_str(kraken_wire.status_frame(1))
        beating = asyncio.create_task(_beat(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._obey(session, json.loads(message.data))
        finally:
            beating.cancel()

    def _obey(self, session: Session, request: Mapping[str, object]) -> None:
        params = request.get("params")
        named = params.get("symbol") if isinstance(params, dict) else None
        symbols = self._known(named)
        if request.get("method") == "subscribe":
            session.follow(symbols)
        elif request.get("method") == "unsubscribe":
            session.leave(symbols)

    async def _talk_alpaca(self, socket: web.WebSocketResponse, session: Session) -> None:
        await socket.send_bytes(msgpack.packb([{"T": "success", "msg": "connected"}]))
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                continue
            request = msgpack.unpackb(message.data)
            action, symbols = request.get("action"), self._known(request.get("orderbooks"))
            if action == "auth":
                await self._admit(socket, request)
            elif action == "subscribe":
                await socket.send_bytes(msgpack.packb([{"T": "subscription", "orderbooks": symbols}]))
                session.follow(symbols)
            elif action == "unsubscribe":
                session.leave(symbols)

    async def _admit(self, socket: web.WebSocketResponse, request: Mapping[str, object]) -> None:
        known = authenticate(self._account, key=str(request.get("key")), secret=str(request.get("secret")))
        if known is None:
            await socket.send_bytes(msgpack.packb([{"T": "error", "code": 402, "msg": "auth failed"}]))
            await socket.close()
        else:
            await socket.send_bytes(msgpack.packb([{"T": "success", "msg": "authenticated"}]))

    def _known(self, named: object) -> Sequence[str]:
        return [symbol for symbol in named if symbol in self._books] if isinstance(named, list) else []


async def _beat(socket: web.WebSocketResponse) -> None:
    while not socket.closed:
        await asyncio.sleep(HEARTBEAT_S)
        await socket.send_str(kraken_wire.HEARTBEAT)
