"""Kraken's WebSocket v2: subscriptions, snapshots, updates with checksum, heartbeats."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from aiohttp import WSMsgType, web

from domain.errors import Refused
from domain.market import Book, Level, Pair
from simulator.faults import Channel, FaultKind
from simulator.instruments import Instrument
from simulator.kraken import wire
from simulator.outbound import Outbound
from simulator.publication import Change, Publisher, poison_price

DEPTHS = (10, 25, 100, 500, 1000)
CHANNELS = ("book", "ticker", "instrument")
HEARTBEAT_S = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for."""

    method: str
    params: Mapping[str, object]
    req_id: object

    @property
    def symbols(self) -> list[str]:
        """Return the pairs that the request names."""
        named = self.params.get("symbol")
        return [str(symbol) for symbol in named] if isinstance(named, list) else []


class Session:
    """One client and what it subscribed to."""

    def __init__(self, out: Outbound) -> None:
        self.out = out
        self.depths: dict[Pair, int] = {}
        self.tickers: set[Pair] = set()

    @property
    def is_subscribed(self) -> bool:
        """Whether the client hears anything at all."""
        return bool(self.depths or self.tickers)


class KrakenStream:
    """The WebSocket side of the double."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._pairs = {pair.symbol: pair for pair in publisher.pairs}
        self._sessions: set[Session] = set()
        self._connections = 0

    def add_routes(self, app: web.Application) -> None:
        """Serve ``/v2``."""
        app.router.add_get("/v2", self._serve)

    def broadcast(self, changes: Iterable[Change]) -> None:
        """Tell every subscriber what changed."""
        if self._strike(FaultKind.DISCONNECT):
            self.cut_all()
        for change in changes:
            self._broadcast_book(change)
            if change.moves_the_top:
                self._broadcast_ticker(change.after)

    async def beat(self) -> None:
        """Send a heartbeat each second to whoever is subscribed."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for session in self._sessions:
                if session.is_subscribed:
                    session.out.send(wire.HEARTBEAT)

    def cut_all(self) -> None:
        """Drop every connection."""
        for session in self._sessions:
            session.out.cut()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        out = Outbound(socket, request, venue=self._publisher.venue, board=self._publisher.board)
        session = Session(out)
        self._sessions.add(session)
        self._connections += 1
        out.send(wire.status_frame(self._connections))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._receive(session, message.data)
        finally:
            self._sessions.discard(session)
            await out.close()
        return socket

    def _receive(self, session: Session, text: str) -> None:
        try:
            request = _parse(text)
        except ValueError:
            session.out.send(json.dumps({"error": "Malformed request", "success": False}))
            return
        if request.method == "ping":
            session.out.send(self._answer("pong", request.req_id))
        elif request.method in ("subscribe", "unsubscribe"):
            self._change_subscription(session, request)
        else:
            error = f"Unsupported method {request.method}"
            session.out.send(self._answer(request.method, request.req_id, error=error, success=False))

    def _change_subscription(self, session: Session, request: Request) -> None:
        channel = request.params.get("channel")
        if channel not in CHANNELS:
            error = f"Subscription channel {channel} not supported"
            session.out.send(self._answer(request.method, request.req_id, error=error, success=False))
        elif channel == "instrument":
            self._subscribe_instrument(session, request)
        else:
            for symbol in request.symbols:
                self._change_one(session, request, str(channel), symbol)

    def _change_one(self, session: Session, request: Request, channel: str, symbol: str) -> None:
        try:
            pair = self._listed(symbol)
            if channel == "ticker":
                self._change_ticker(session, request, pair)
            elif request.method == "subscribe":
                self._subscribe_book(session, request, pair)
            else:
                self._unsubscribe_book(session, request, pair)
        except Refused as refused:
            error = str(refused)
            session.out.send(self._answer(request.method, request.req_id, error=error, success=False, symbol=symbol))

    def _subscribe_book(self, session: Session, request: Request, pair: Pair) -> None:
        depth = request.params.get("depth", 10)
        if not isinstance(depth, int) or depth not in DEPTHS:
            raise Refused("Subscription depth not supported")
        if pair in session.depths:
            raise Refused("Already subscribed to one channel")
        session.depths[pair] = depth
        with_snapshot = request.params.get("snapshot", True) is not False
        result = {"channel": "book", "symbol": pair.symbol, "depth": depth, "snapshot": with_snapshot}
        session.out.send(self._answer(request.method, request.req_id, result=result, success=True))
        if with_snapshot and self._publisher.has_book(pair):
            session.out.send(self._snapshot(pair, depth))

    def _unsubscribe_book(self, session: Session, request: Request, pair: Pair) -> None:
        depth = session.depths.pop(pair, None)
        if depth is None:
            raise Refused("Subscription Not Found")
        result = {"channel": "book", "symbol": pair.symbol, "depth": depth}
        session.out.send(self._answer(request.method, request.req_id, result=result, success=True))

    def _change_ticker(self, session: Session, request: Request, pair: Pair) -> None:
        result = {"channel": "ticker", "symbol": pair.symbol}
        session.out.send(self._answer(request.method, request.req_id, result=result, success=True))
        if request.method == "unsubscribe":
            session.tickers.discard(pair)
            return
        session.tickers.add(pair)
        if self._publisher.has_book(pair):
            session.out.send(self._ticker("snapshot", self._publisher.book(pair)))

    def _subscribe_instrument(self, session: Session, request: Request) -> None:
        session.out.send(self._answer(request.method, request.req_id, result={"channel": "instrument"}, success=True))
        if request.method == "subscribe":
            pairs = [_instrument(self._publisher.instrument(pair)) for pair in self._publisher.pairs]
            data = {"assets": [], "pairs": pairs}
            session.out.send(json.dumps({"channel": "instrument", "type": "snapshot", "data": data}))

    def _broadcast_book(self, change: Change) -> None:
        pair = change.after.pair
        frames: dict[int, str | None] = {}
        for session in self._sessions:
            depth = session.depths.get(pair)
            if depth is None:
                continue
            if depth not in frames:
                frames[depth] = self._update(change, depth)
            frame = frames[depth]
            if frame is not None:
                session.out.send(frame)

    def _broadcast_ticker(self, book: Book) -> None:
        listeners = [session for session in self._sessions if book.pair in session.tickers]
        frame = self._ticker("update", book) if listeners else ""
        for session in listeners:
            session.out.send(frame)

    def _snapshot(self, pair: Pair, depth: int) -> str:
        book = self._publisher.book(pair)
        return self._frame("snapshot", book, book.bids[:depth], book.asks[:depth])

    def _update(self, change: Change, depth: int) -> str | None:
        before, after = change
        if before is None:
            return self._snapshot(after.pair, depth)
        bids = wire.window_changes(before.bids, after.bids, depth)
        asks = wire.window_changes(before.asks, after.asks, depth)
        is_told = bids or asks or self._publisher.market.is_played
        return self._frame("update", after, bids, asks) if is_told else None

    def _frame(self, kind: str, book: Book, bids: Iterable[Level], asks: Iterable[Level]) -> str:
        crc = wire.checksum(book)
        if self._strike(FaultKind.WRONG_CHECKSUM):
            crc ^= 1
        poison = poison_price(self._publisher.board, self._publisher.venue, Channel.STREAM)
        poisoned = [] if poison is None else [Level(poison, Decimal(1))]
        lot = None if self._publisher.market.is_played else self._publisher.instrument(book.pair).lot
        return wire.book_frame(kind, book, bids=list(bids), asks=[*poisoned, *asks], lot=lot, crc=crc)

    def _ticker(self, kind: str, book: Book) -> str:
        candles = self._publisher.market.tape(self._publisher.key(book.pair)).candles()
        return wire.ticker_frame(kind, book, candles)

    def _answer(self, method: str, req_id: object, **fields: object) -> str:
        return wire.answer_frame(method, req_id=req_id, at_ns=self._publisher.now_ns(), **fields)

    def _listed(self, symbol: str) -> Pair:
        try:
            return self._pairs[symbol]
        except KeyError:
            raise Refused(f"Currency pair not supported {symbol}") from None

    def _strike(self, kind: FaultKind) -> bool:
        felt = self._publisher.board.strike(kind, venue=self._publisher.venue, channel=Channel.STREAM)
        return felt is not None


def _parse(text: str) -> Request:
    """Return the request in a frame. Raises: ValueError."""
    given = json.loads(text)
    if not isinstance(given, dict) or not isinstance(given.get("method"), str):
        raise ValueError("a request is an object with a method")
    params = given.get("params", {})
    if not isinstance(params, dict):
        raise ValueError("params is an object")
    return Request(given["method"], params, given.get("req_id"))


def _instrument(instrument: Instrument) -> dict[str, object]:
    pair = instrument.pair
    return {
        "symbol": pair.symbol,
        "base": pair.base.symbol,
        "quote": pair.quote.symbol,
        "status": "online",
        "price_precision": instrument.price_decimals,
        "qty_precision": instrument.lot_decimals,
        "price_increment": float(instrument.tick),
        "qty_increment": float(instrument.lot),
        "qty_min": float(instrument.min_quantity),
        "cost_min": "0.5",
        "marginable": False,
        "has_index": False,
    }
