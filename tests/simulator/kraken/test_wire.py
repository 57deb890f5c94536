"""Kraken's frames: what a client that follows the documents reconstructs."""

import json
import zlib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.market import Book, Level, Pair
from simulator.instruments import instrument_of
from simulator.kraken import wire
from simulator.market import MarketProcess

PAIR = Pair.parse("BTC/USD")
LOT = Decimal("0.00000001")


def book(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> Book:
    sides = [tuple(Level(Decimal(p), Decimal(q)) for p, q in side) for side in (bids, asks)]
    return Book("kraken", PAIR, sides[0], sides[1], 1_696_613_755_440_295_000, 0, 1)


def test_the_checksum_is_the_one_of_the_published_example() -> None:
    # Kraken's WebSocket v2 guide: ten levels a side of BTC/USD give this CRC32
    asks = [
        ("45285.2", "0.00100000"), ("45286.4", "1.54571953"), ("45286.6", "1.54571109"), ("45289.6", "1.54560911"),
        ("45290.2", "0.15890660"), ("45291.8", "1.54553491"), ("45294.7", "0.04454749"), ("45296.1", "0.35380000"),
        ("45297.5", "0.09945542"), ("45299.5", "0.18772827"),
    ]  # fmt: skip
    bids = [
        ("45283.5", "0.10000000"), ("45283.4", "1.54582015"), ("45282.1", "0.10000000"), ("45281.0", "0.10000000"),
        ("45280.3", "1.54592586"), ("45279.0", "0.07990000"), ("45277.6", "0.03310103"), ("45277.5", "0.30000000"),
        ("45277.3", "1.54602737"), ("45276.6", "0.15445238"),
    ]  # fmt: skip
    assert wire.checksum(book(bids, asks)) == 3310070434


def test_numbers_keep_their_decimals_and_never_an_exponent() -> None:
    tiny = book([("0.0000001", "0.00000001")], [("0.0000002", "13.50000000")])
    frame = wire.book_frame("snapshot", tiny, bids=tiny.bids, asks=tiny.asks, lot=LOT, crc=7)
    assert '"bids":[{"price":0.0000001,"qty":0.00000001}]' in frame
    assert '"asks":[{"price":0.0000002,"qty":13.50000000}]' in frame
    assert json.loads(frame)["data"][0]["timestamp"] == "2023-10-06T17:35:55.440295Z"


def test_a_removal_is_written_with_quantity_zero() -> None:
    before = (Level(Decimal("10.0"), Decimal(1)), Level(Decimal("9.0"), Decimal(1)))
    assert wire.window_changes(before, before[1:], 10) == [Level(Decimal("10.0"), Decimal(0))]


def test_a_level_pushed_out_of_a_full_window_is_not_sent() -> None:
    before = tuple(Level(Decimal(price), Decimal(1)) for price in (9, 8))
    after = tuple(Level(Decimal(price), Decimal(1)) for price in (10, 9, 8))
    assert wire.window_changes(before, after, 2) == [Level(Decimal(10), Decimal(1))]


class Follower:
    """A client by the book: apply the changes, then cut each side to the subscribed depth."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}

    def read(self, frame: str) -> int:
        message = json.loads(frame, parse_float=str)
        data = message["data"][0]
        for side, levels in self.sides.items():
            if message["type"] == "snapshot":
                levels.clear()
            for change in data[side]:
                levels.pop(change["price"], None)
                if Decimal(change["qty"]) != 0:
                    levels[change["price"]] = change["qty"]
            for price in self.best(side)[self.depth :]:
                del levels[price]
        return int(data["checksum"])

    def best(self, side: str) -> list[str]:
        return sorted(self.sides[side], key=Decimal, reverse=side == "bids")

    def crc(self) -> int:
        text = ""
        for side in ("asks", "bids"):
            for price in self.best(side)[:10]:
                text += "".join(number.replace(".", "").lstrip("0") for number in (price, self.sides[side][price]))
        return zlib.crc32(text.encode())


@pytest.mark.parametrize("depth", [10, 25, 100])
@given(seed=st.integers(0, 2**32), symbol=st.sampled_from(["BTC/USD", "DOGE/USD", "AVAX/USD", "LINK/USD"]))
@settings(max_examples=8, deadline=None)
def test_a_follower_of_the_updates_always_agrees_with_the_checksum(depth: int, seed: int, symbol: str) -> None:
    process = MarketProcess(seed, (symbol,), ("kraken",), incident_at_s=1.0)
    before = process.book(process.markets[0])
    lot, follower = instrument_of(before.pair).lot, Follower(depth)
    first = wire.book_frame(
        "snapshot", before, bids=before.bids[:depth], asks=before.asks[:depth], lot=lot, crc=wire.checksum(before)
    )
    assert follower.read(first) == follower.crc()
    for after in process.advance(8 * 10**9):
        bids, asks = (
            wire.window_changes(*sides, depth) for sides in ((before.bids, after.bids), (before.asks, after.asks))
        )
        frame = wire.book_frame("update", after, bids=bids, asks=asks, lot=lot, crc=wire.checksum(after))
        assert follower.read(frame) == follower.crc()
        before = after
