"""What Kraken writes."""

import tracemalloc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadMarketData
from domain.market import Pair
from trading.venues.kraken import wire

# the worked example of Kraken's guide "Book checksum (WebSocket v2)"
BIDS = [
    ("45283.5", "0.10000000"),
    ("45283.4", "1.54582015"),
    ("45282.1", "0.10000000"),
    ("45281.0", "0.10000000"),
    ("45280.3", "1.54592586"),
    ("45279.0", "0.07990000"),
    ("45277.6", "0.03310103"),
    ("45277.5", "0.30000000"),
    ("45277.3", "1.54602737"),
    ("45276.6", "0.15445238"),
]
ASKS = [
    ("45285.2", "0.00100000"),
    ("45286.4", "1.54571953"),
    ("45286.6", "1.54571109"),
    ("45289.6", "1.54560911"),
    ("45290.2", "0.15890660"),
    ("45291.8", "1.54553491"),
    ("45294.7", "0.04454749"),
    ("45296.1", "0.35380000"),
    ("45297.5", "0.09945542"),
    ("45299.5", "0.18772827"),
]
CHECKSUM = 3310070434


def rows(levels: list[tuple[str, str]]) -> str:
    return "[" + ",".join(f'{{"price":{price},"qty":{size}}}' for price, size in levels) + "]"


def snapshot(bids: str = rows(BIDS), asks: str = rows(ASKS), checksum: object = CHECKSUM) -> str:
    data = f'{{"symbol":"BTC/USD","bids":{bids},"asks":{asks},"checksum":{checksum}}}'
    return f'{{"channel":"book","type":"snapshot","data":[{data}]}}'


def reason_of(frame: str | bytes) -> str:
    with pytest.raises(BadMarketData) as caught:
        wire.parse_message(frame)
    return caught.value.reason


def test_the_published_checksum_is_met() -> None:
    assert wire.book_checksum(ASKS, BIDS) == CHECKSUM


def test_levels_below_the_tenth_do_not_enter_the_checksum() -> None:
    assert wire.book_checksum([*ASKS, ("45300.0", "1.00000000")], iter([*BIDS, ("1.0", "2.0")])) == CHECKSUM


@given(st.integers(0, 9), st.booleans(), st.integers(0, 12), st.integers(1, 9))
def test_a_changed_digit_changes_the_checksum(level: int, is_ask: bool, at: int, by: int) -> None:
    asks, bids = list(ASKS), list(BIDS)
    side = asks if is_ask else bids
    price, size = side[level]
    digits = [place for place, char in enumerate(size) if char.isdigit()]
    place = digits[at % len(digits)]
    changed = size[:place] + str((int(size[place]) + by) % 10) + size[place + 1 :]
    side[level] = (price, changed)
    assert wire.book_checksum(asks, bids) != CHECKSUM


def test_a_snapshot_keeps_every_digit() -> None:
    (message,) = wire.parse_message(snapshot())
    assert isinstance(message, wire.BookMessage)
    assert (message.is_whole, message.symbol, message.checksum, message.venue_at_ns) == (
        True,
        "BTC/USD",
        CHECKSUM,
        None,
    )
    assert message.bids[3][:2] == (Decimal("45281.0"), Decimal("0.10000000"))
    assert (
        wire.checksum_of_texts(*("".join(level.text for level in side) for side in (message.asks, message.bids)))
        == CHECKSUM
    )


def test_an_update_tells_its_instant_and_its_removals() -> None:
    frame = (
        '{"channel":"book","type":"update","data":[{"symbol":"MATIC/USD","bids":[{"price":0.5657,"qty":0}],'
        '"asks":[],"checksum":2114181697,"timestamp":"2023-10-06T17:35:55.440295Z"}]}'
    )
    (message,) = wire.parse_message(frame)
    assert isinstance(message, wire.BookMessage)
    assert (message.is_whole, message.venue_at_ns) == (False, 1696613755440295000)
    assert message.bids[0][:2] == (Decimal("0.5657"), Decimal(0))


@pytest.mark.parametrize(
    "frame",
    [
        '{"channel":"heartbeat"}',
        '{"method":"pong","req_id":1,"time_in":"x","time_out":"y"}',
        '{"method":"subscribe","result":{"channel":"book","symbol":"BTC/USD"},"success":true}',
        '{"channel":"trade","type":"update","data":[]}',
    ],
)
def test_what_tells_no_book_tells_nothing(frame: str) -> None:
    assert wire.parse_message(frame) == ()


@pytest.mark.parametrize("number", ["1e999999", "1e-999999", "0e999999", "0e-999999"])
@pytest.mark.parametrize("name", ["price", "qty"])
def test_a_number_of_a_million_digits_is_refused_without_being_written_out(name: str, number: str) -> None:
    level = {"price": "45283.5", "qty": "1"} | {name: number}
    frame = snapshot(bids=f'[{{"price":{level["price"]},"qty":{level["qty"]}}}]')
    tracemalloc.start()
    try:
        assert reason_of(frame) == "out_of_range"
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 500_000


@pytest.mark.parametrize(
    "frame",
    [
        '{"method":"pong","req_id":' + "[" * 100_000,
        snapshot(bids='[{"price":1,"x":' + "[" * 20_000 + "]" * 20_000 + "}]"),
    ],
)
def test_brackets_within_brackets_are_refused(frame: str) -> None:
    assert reason_of(frame) == "not_json"


def test_a_status_and_a_refused_subscription_are_told() -> None:
    status = '{"channel":"status","type":"update","data":[{"system":"cancel_only","version":"2.0.0"}]}'
    refused = '{"error":"Currency pair not supported X/Y","method":"subscribe","success":false,"symbol":"X/Y"}'
    assert wire.parse_message(status) == (wire.StatusMessage("cancel_only"),)
    assert wire.parse_message(refused) == (wire.SubscriptionRefused("X/Y", "Currency pair not supported X/Y"),)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (snapshot(bids='[{"price":NaN,"qty":1}]'), "not_finite"),
        (snapshot(bids='[{"price":-1,"qty":1}]'), "negative"),
        (snapshot(bids='[{"price":1e400,"qty":1}]'), "out_of_range"),
        (snapshot(bids='[{"price":"abc","qty":1}]'), "not_a_number"),
        (snapshot(bids='[{"price":null,"qty":1}]'), "not_a_number"),
        (snapshot(bids='[{"price":1}]'), "malformed"),
        (snapshot(bids="[1]"), "malformed"),
        (snapshot(bids="null"), "malformed"),
        (snapshot(checksum="null"), "malformed"),
        (snapshot(checksum="-1"), "malformed"),
        (snapshot(bids='[{"price":1,"price":2,"qty":1}]'), "duplicate_key"),
        (snapshot()[:100], "not_json"),
        (snapshot().replace('"snapshot"', '"other"'), "malformed"),
        (snapshot().replace('"bids"', '"buds"'), "malformed"),
        ('{"channel":"book","type":"update"}', "malformed"),
        ('{"channel":"book","type":"update","data":[7]}', "malformed"),
        ('{"channel":"status","data":[{}]}', "malformed"),
        ("[]", "malformed"),
        ("<html></html>", "not_json"),
    ],
)
def test_bad_frames_are_refused_by_name(frame: str, reason: str) -> None:
    assert reason_of(frame) == reason


def listing(**changed: object) -> dict[str, Any]:
    row = {
        "altname": "XBTUSD",
        "wsname": "XBT/USD",
        "pair_decimals": 1,
        "lot_decimals": 8,
        "ordermin": "0.00005",
        "costmin": "0.5",
        "tick_size": "0.1",
        "status": "online",
        "fees": [],
    }
    return row | changed


def test_a_listing_speaks_our_symbols_and_keeps_its_steps() -> None:
    found = wire.parse_listing(listing())
    assert (found.pair, found.venue_symbol, found.is_tradable) == (Pair.parse("BTC/USD"), "XBTUSD", True)
    lot = found.lot
    assert (lot.step, lot.min_quantity) == (Decimal("1E-8"), Decimal("0.00005"))
    assert (lot.min_quote, lot.tick) == (Decimal("0.5"), Decimal("0.1"))


def test_a_listing_without_tick_size_takes_its_price_decimals() -> None:
    row = listing()
    del row["tick_size"]
    assert wire.parse_listing(row).lot.tick == Decimal("0.1")


@pytest.mark.parametrize(
    "changed",
    [{"wsname": "XBTUSD"}, {"lot_decimals": "x"}, {"lot_decimals": 99}, {"ordermin": "-1"}, {"costmin": None}],
)
def test_a_listing_that_cannot_be_read_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(BadMarketData):
        wire.parse_listing(listing(**changed))


@pytest.mark.parametrize(("symbol", "rest"), [("BTC/USD", "XBTUSD"), ("DOGE/USD", "XDGUSD"), ("ETH/USDC", "ETHUSDC")])
def test_rest_spells_pairs_its_own_way(symbol: str, rest: str) -> None:
    assert wire.rest_symbol(Pair.parse(symbol)) == rest


def test_balances_speak_our_symbols_and_tell_what_is_held() -> None:
    result = {"ZUSD": {"balance": "12.5", "hold_trade": "2.5"}, "XXBT": {"balance": "0.1"}, "XBT.F": {"balance": "1"}}
    assert wire.parse_balances(result) == {
        "USD": wire.Holding(Decimal("12.5"), Decimal("2.5")),
        "BTC": wire.Holding(Decimal("0.1"), Decimal(0)),
        "XBT.F": wire.Holding(Decimal(1), Decimal(0)),
    }


def test_the_highest_fee_of_a_list_is_taken_in_bps() -> None:
    result = {"fees": {"A": {"fee": "0.4000"}, "B": {"fee": "0.2000"}}, "fees_maker": {"A": {"fee": "0.2500"}}}
    assert wire.parse_fees(result) == (Decimal(25), Decimal(40))
    assert wire.parse_fees({"fees": {}, "fees_maker": None}) == (None, None)
