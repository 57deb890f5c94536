"""Alpaca's crypto data stream: authentication, subscriptions, order books that start with a reset."""

import asyncio
from collections.abc import Iterable, Mapping
from decimal import Decimal

from aiohttp import WSMsgType, web

from domain.market import Book, Level, Pair
from simulator.accounts import Account
from simulator.alpaca import wire
from simulator.alpaca.access import authenticate
from simulator.faults import Channel, FaultKind
from simulator.outbound import Outbound
from simulator.publication import Change, Publisher, changed_levels, poison_price

CHANNELS = ("trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars")
EVERYTHING = "*"
AUTH_TIMEOUT_S = 10.0
ERRORS = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    406: "connection limit exceeded",
    410: "invalid subscribe action for this feed",
}


class Session:
    """One client: how it reads frames, who it is, what it wants."""

    def __init__(self, out: Outbound, form: wire.Format) -> None:
        self.out = out
        self.form = form
        self.key: str | None = None
        self.wanted: dict[str, set[str]] = {channel: set() for channel in CHANNELS}

    def wants(self, channel: str, pair: Pair) -> bool:
        """Return whether the client subscribed to ``channel`` of ``pair``."""
        return bool(self.wanted[channel] & {pair.symbol, EVERYTHING})

    def send(self, *messages: wire.Message) -> None:
        """Queue one frame of ``messages``."""
        self.out.send(wire.encode(messages, self.form))


class AlpacaStream:
    """The streaming side of the double."""

    def __init__(self, publisher: Publisher, account: Account, *, auth_timeout_s: float = AUTH_TIMEOUT_S) -> None:
        self._publisher = publisher
        self._account = account
        self._auth_timeout_s = auth_timeout_s
        self._sessions: set[Session] = set()

    def add_routes(self, app: web.Application) -> None:
        """Serve ``/v1beta3/crypto/us``."""
        app.router.add_get("/v1beta3/crypto/us", self._serve)

    def broadcast(self, changes: Iterable[Change]) -> None:
        """Tell every subscriber what changed."""
        if self._publisher.board.strike(FaultKind.DISCONNECT, venue=self._publisher.venue, channel=Channel.STREAM):
            self.cut_all()
        for change in changes:
            self._tell("orderbooks", change.after.pair, self._update(change))
            if change.moves_the_top:
                self._tell("quotes", change.after.pair, _named("q", change.after, wire.quote_body(change.after)))

    def cut_all(self) -> None:
        """Drop every connection."""
        for session in self._sessions:
            session.out.cut()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        packed = "msgpack" in request.headers.get("Content-Type", "")
        out = Outbound(socket, request, venue=self._publisher.venue, board=self._publisher.board)
        session = Session(out, wire.Format.MSGPACK if packed else wire.Format.JSON)
        self._sessions.add(session)
        session.send({"T": "success", "msg": "connected"})
        deadline = asyncio.create_task(self._expire(session, socket))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await self._receive(session, socket, message.data)
        finally:
            self._sessions.discard(session)
            deadline.cancel()
            await out.close()
        return socket

    async def _expire(self, session: Session, socket: web.WebSocketResponse) -> None:
        await asyncio.sleep(self._auth_timeout_s)
        if session.key is None:
            await self._refuse(session, socket, 404)

    async def _receive(self, session: Session, socket: web.WebSocketResponse, frame: str | bytes) -> None:
        try:
            request = wire.decode(frame)
        except ValueError:
            session.send(_error(400))
            return
        action = request.get("action")
        if action == "auth":
            await self._authenticate(session, socket, request)
        elif session.key is None:
            session.send(_error(401))
        elif action in ("subscribe", "unsubscribe"):
            self._change_subscription(session, request, is_on=action == "subscribe")
        else:
            session.send(_error(400))

    async def _authenticate(
        self, session: Session, socket: web.WebSocketResponse, request: Mapping[str, object]
    ) -> None:
        key, secret = str(request.get("key", "")), str(request.get("secret", ""))
        if session.key is not None:
            session.send(_error(403))
        elif authenticate(self._account, key=key, secret=secret) is None:
            await self._refuse(session, socket, 402)
        elif any(other.key == key for other in self._sessions):
            await self._refuse(session, socket, 406)
        else:
            session.key = key
            session.send({"T": "success", "msg": "authenticated"})

    async def _refuse(self, session: Session, socket: web.WebSocketResponse, code: int) -> None:
        session.send(_error(code))
        await session.out.drain()
        await socket.close()

    def _change_subscription(self, session: Session, request: Mapping[str, object], *, is_on: bool) -> None:
        fresh: list[Pair] = []
        for channel in CHANNELS:
            symbols = _symbols(request.get(channel))
            if channel == "orderbooks" and is_on:
                fresh = [pair for pair in self._publisher.pairs if symbols & {pair.symbol, EVERYTHING}]
                fresh = [pair for pair in fresh if not session.wants(channel, pair)]
            session.wanted[channel] = session.wanted[channel] | symbols if is_on else session.wanted[channel] - symbols
        wanted: wire.Message = {channel: sorted(symbols) for channel, symbols in session.wanted.items()}
        session.send({"T": "subscription", **wanted})
        for pair in filter(self._publisher.has_book, fresh):
            session.send(self._snapshot(pair))

    def _snapshot(self, pair: Pair) -> wire.Message:
        book = self._publisher.book(pair)
        return _named("o", book, {**wire.book_body(book, poison=self._poison()), "r": True})

    def _update(self, change: Change) -> wire.Message:
        before, after = change
        if before is None or (self._publisher.market.is_played and after.venue_at_ns < before.venue_at_ns):
            return self._snapshot(after.pair)  # what is older than the last can only be a new beginning
        poison = self._poison()
        poisoned = [] if poison is None else [Level(poison, Decimal(1))]
        body: wire.Message = {
            "t": wire.Instant(after.venue_at_ns),
            "b": wire.levels(changed_levels(before.bids, after.bids)),
            "a": wire.levels([*poisoned, *changed_levels(before.asks, after.asks)]),
        }
        return _named("o", after, body)

    def _tell(self, channel: str, pair: Pair, message: wire.Message) -> None:
        frames: dict[wire.Format, str | bytes] = {}
        for session in self._sessions:
            if session.key is not None and session.wants(channel, pair):
                if session.form not in frames:
                    frames[session.form] = wire.encode([message], session.form)
                session.out.send(frames[session.form])

    def _poison(self) -> Decimal | None:
        return poison_price(self._publisher.board, self._publisher.venue, Channel.STREAM)


def _named(kind: str, book: Book, body: wire.Message) -> wire.Message:
    return {"T": kind, "S": book.pair.symbol, **body}


def _error(code: int) -> wire.Message:
    return {"T": "error", "code": code, "msg": ERRORS[code]}


def _symbols(given: object) -> set[str]:
    return {str(symbol) for symbol in given} if isinstance(given, list) else set()
