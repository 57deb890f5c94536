"""What Kraken and Alpaca write, by stream and by REST."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

import msgpack

from domain.book import validate
from domain.market import Book, Pair
from domain.secret import Secret
from domain.timestamps import from_ns
from tests.fakes import FixedClock
from tests.fuzz.mutate import spoil_json, spoil_msgpack
from tests.fuzz.shape import BTC_USD, MAX_AGE_MS, NOW_NS, Proof, Shape, proof_of
from tests.trading.venues.kraken.streams import INSTANT, Market
from tests.trading.venues.kraken.streams import Shape as StreamShape
from trading.venues.alpaca import bars as alpaca_bars
from trading.venues.alpaca import wire as alpaca
from trading.venues.alpaca.feed import AlpacaConversation, AlpacaFeedSettings
from trading.venues.connection import SocketSettings
from trading.venues.exact import decode_json
from trading.venues.health import FeedHealth
from trading.venues.kraken import bars as kraken_bars
from trading.venues.kraken import wire as kraken
from trading.venues.kraken.depth import RawBook, read_depth, read_depth_in_decimals
from trading.venues.kraken.feed import KrakenConversation, KrakenFeedSettings

AT = f"{from_ns(NOW_NS):%Y-%m-%dT%H:%M:%S.%f}Z"


def shapes() -> list[Shape]:
    """Return every shape of the two exchanges."""
    return [*_kraken_stream(), *_kraken_rest(), *_alpaca_stream(), *_alpaca_rest()]


def _kraken_stream() -> list[Shape]:
    market = Market(StreamShape(1, 8, 452_835, 10), Random(4))
    whole = market.snapshot().replace(INSTANT, AT).encode()
    updates = [market.update().replace(INSTANT, AT).encode() for _ in range(4)]
    books = _kraken_books([whole, *updates])
    true = frozenset(map(proof_of, books))
    followed = [
        Shape(f"kraken_ws_update_{place}", updates[place], spoil_json, _kraken_after([whole, *updates[:place]]), true)
        for place in range(len(updates))
    ]
    untimed = whole.replace(f',"timestamp":"{AT}"'.encode(), b"")
    others = {
        "heartbeat": {"channel": "heartbeat"},
        "pong": {"method": "pong", "req_id": 7, "time_in": AT, "time_out": AT},
        "status": {"channel": "status", "type": "update", "data": [{"system": "online", "connection_id": 123}]},
        "subscribed": {"method": "subscribe", "result": {"channel": "book", "depth": 10}, "success": True},
        "subscription_refused": {"error": "not supported", "method": "subscribe", "success": False, "symbol": "A/B"},
    }
    found = [
        Shape("kraken_ws_snapshot", whole, spoil_json, _kraken_after([]), true),
        Shape("kraken_ws_snapshot_untimed", untimed, spoil_json, _kraken_after([]), true),
        *followed,
        *(_json(f"kraken_ws_{name}", told, _kraken_after([whole]), true) for name, told in others.items()),
    ]
    around = str(min(book.best_bid for book in books)), str(max(book.best_ask for book in books))
    return [replace(shape, beside=around) for shape in found]


def _kraken_books(frames: list[bytes]) -> list[Book]:
    return [book for book in _kraken_after([])(b"\n".join(frames)) if isinstance(book, Book)]


def _kraken_after(before: list[bytes]) -> Callable[[bytes], Iterable[object]]:
    settings = KrakenFeedSettings(SocketSettings("ws://nowhere/v2"), "", MAX_AGE_MS, depth=10)

    def read(payload: bytes) -> Iterable[object]:
        books: list[Book] = []
        health, clock = FeedHealth("kraken", origin="kraken"), FixedClock()
        talk = KrakenConversation([BTC_USD], settings, health=health, clock=clock, seq=count(1), on_change=books.append)
        for frame in before:
            talk.answer(frame.decode())
        for frame in payload.split(b"\n"):
            talk.answer(frame.decode("utf-8", "replace"))
        clock.advance(700)
        talk.confirm(clock.at_ns)
        return [replace(book, seen_at_ns=NOW_NS, venue_at_ns=NOW_NS) for book in books]

    return read


def _kraken_rest() -> list[Shape]:
    levels = [[f"{price}.10000", "1.50000000", 1_700_000_000] for price in range(99, 103)]
    depth = {"XXBTZUSD": {"bids": levels[1::-1], "asks": levels[2:]}}
    pair = {
        "wsname": "XBT/USD",
        "altname": "XBTUSD",
        "lot_decimals": 8,
        "pair_decimals": 1,
        "ordermin": "0.0001",
        "costmin": "0.5",
        "tick_size": "0.1",
        "status": "online",
    }
    balances = {"ZUSD": {"balance": "12.50", "hold_trade": "2.5"}, "XXBT": {"balance": "0.1"}}
    fees = {"fees": {"A": {"fee": "0.4000"}}, "fees_maker": {"A": {"fee": "0.2500"}}}
    bars = [[1_699_999_980 + 60 * at, "10.0", "11.0", "9.5", "10.5", "10.2", "3.25", 7] for at in range(3)]
    read_rest: dict[str, tuple[object, Callable[[Any], Iterable[object]]]] = {
        "asset_pairs": (pair, lambda result: [kraken.parse_listing(result)] if isinstance(result, dict) else []),
        "balance": (balances, lambda result: kraken.parse_balances(result).values()),
        "trade_volume": (fees, lambda result: [kraken.parse_fees(result)]),
        "ohlc": ({"XXBTZUSD": bars, "last": 1_700_000_120}, kraken_bars.parse_bars),
        "ticker": ({"XXBTZUSD": {"v": ["12.5", "240.125"]}}, lambda result: [kraken_bars.parse_day_volume(result)]),
    }
    whole = json.dumps({"error": [], "result": depth}).encode()
    return [
        *(_json(f"kraken_rest_{name}", _ok(told), _answered(read)) for name, (told, read) in read_rest.items()),
        _json("kraken_rest_error", {"error": ["EService:Unavailable"]}, _answered(lambda result: [])),
        Shape("kraken_rest_depth", whole, spoil_json, _read_raw_book),
        Shape("kraken_rest_depth_in_decimals", whole, spoil_json, lambda body: [read_depth_in_decimals(body) and None]),
    ]


def _ok(result: object) -> dict[str, object]:
    return {"error": [], "result": result}


def _answered(read: Callable[[Any], Iterable[object]]) -> Callable[[bytes], Iterable[object]]:
    return lambda body: read(kraken.rest_result(body))


def _read_raw_book(body: bytes) -> Iterable[object]:
    return _checked(RawBook("kraken", BTC_USD, read_depth(body).depth, NOW_NS, 2).book(25))


def _checked(book: Book) -> list[Book]:
    validate(book)
    return [book]


def _alpaca_stream() -> list[Shape]:
    at = msgpack.Timestamp.from_unix_nano(NOW_NS)
    sides = {"b": [{"p": 99.5, "s": 1.25}, {"p": 99.0, "s": 2.0}], "a": [{"p": 100.5, "s": 1.0}]}
    whole = {"T": "o", "S": "BTC/USD", "t": at, **sides, "r": True}
    change = {"T": "o", "S": "BTC/USD", "t": at, "b": [{"p": 99.5, "s": 0.0}, {"p": 99.25, "s": 0.5}], "a": []}
    told: dict[str, list[dict[str, object]]] = {
        "whole": [whole],
        "change": [change],
        "two_changes": [change, {**change, "a": [{"p": 100.25, "s": 3.0}]}],
        "connected": [{"T": "success", "msg": "connected"}],
        "authenticated": [{"T": "success", "msg": "authenticated"}],
        "subscribed": [{"T": "subscription", "orderbooks": ["BTC/USD"]}],
        "error": [{"T": "error", "code": 406, "msg": "connection limit exceeded"}],
    }
    before = [_packed([{"T": "subscription", "orderbooks": ["BTC/USD"]}]), _packed([whole])]
    return [
        Shape(f"alpaca_ws_{name}", _packed(rows), spoil_msgpack, _alpaca_after(before)) for name, rows in told.items()
    ]


def _packed(rows: list[dict[str, Any]]) -> bytes:
    return bytes(msgpack.packb(rows))


def _alpaca_after(before: list[bytes]) -> Callable[[bytes], Iterable[object]]:
    socket = SocketSettings("ws://nowhere/crypto/us")
    settings = AlpacaFeedSettings(socket, "", Secret("k"), Secret("s"), MAX_AGE_MS)

    def read(payload: bytes) -> Iterable[object]:
        books: list[Book] = []
        health, clock = FeedHealth("alpaca", origin="alpaca"), FixedClock()
        talk = AlpacaConversation([BTC_USD], settings, health=health, clock=clock, seq=count(1), on_change=books.append)
        for frame in (*before, payload):
            talk.answer(frame)
        clock.advance(700)
        talk.confirm(clock.at_ns)
        return [replace(book, seen_at_ns=NOW_NS, venue_at_ns=NOW_NS) for book in books]

    return read


def _alpaca_rest() -> list[Shape]:
    book = {"t": AT, "b": [{"p": 99.5, "s": 1.25}], "a": [{"p": 100.5, "s": 1.0}, {"p": 101.0, "s": 1e-05}]}
    asset = {
        "symbol": "BTC/USD",
        "tradable": True,
        "min_trade_increment": "0.000000001",
        "min_order_size": "0.0001",
        "price_increment": 0.01,
    }
    account = {"account": {"currency": "USD", "cash": "1000.50"}, "positions": [
        {"asset_class": "crypto", "symbol": "BTCUSD", "qty": "0.5", "qty_available": "0.25"}
    ]}  # fmt: skip
    bar = {"t": "2023-11-14T22:13:00Z", "o": 10.0, "h": 11.0, "l": 9.5, "c": 10.5, "v": 3.25}
    return [
        _json("alpaca_rest_latest", {"orderbooks": {"BTC/USD": book}}, _read_latest),
        _json("alpaca_rest_asset", asset, _read_asset),
        _json("alpaca_rest_account", account, _read_account),
        _json("alpaca_rest_bars", {"bars": {"BTC/USD": [bar, bar]}, "next_page_token": None}, _read_bars),
    ]


def _read_latest(body: bytes) -> Iterable[object]:
    pairs = (BTC_USD, Pair.parse("ETH/USD"))
    found = alpaca.parse_latest_books(body, pairs, depth=25, seen_at_ns=NOW_NS, seq=2)
    for book in found.values():
        if isinstance(book, Book):
            validate(book)
            yield book


def _read_asset(body: bytes) -> Iterable[object]:
    row = decode_json(body)
    return [alpaca.parse_listing(row)] if isinstance(row, dict) else []


def _read_account(body: bytes) -> Iterable[object]:
    told = decode_json(body)
    if not isinstance(told, dict):
        return []
    return alpaca.parse_balances(told.get("account"), told.get("positions")).values()


def _read_bars(body: bytes) -> Iterable[object]:
    return alpaca_bars.parse_bars(body, BTC_USD).bars


def _json(
    name: str,
    told: object,
    read: Callable[[bytes], Iterable[object]],
    true: frozenset[Proof] | None = None,
) -> Shape:
    return Shape(name, json.dumps(told, separators=(",", ":")).encode(), spoil_json, read, true)
