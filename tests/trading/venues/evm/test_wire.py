"""What contracts answer and log, read to the last bit or refused by name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadMarketData
from trading.venues.evm import wire
from trading.venues.evm.wire import LiquidityMoved, Log, Swapped, Synced, event_of, parse_logs

HASH = "0x" + "ab" * 32
POOL = "0x" + "11" * 20
PUBLISHED = {  # as block explorers and the contracts' own documents show them
    "0902f1ac": wire.GET_RESERVES,
    "0dfe1681": wire.TOKEN0,
    "d21220a7": wire.TOKEN1,
    "c45a0155": wire.FACTORY,
    "313ce567": wire.DECIMALS,
    "ddca3f43": wire.FEE,
    "d0c93a7c": wire.TICK_SPACING,
    "3850c7bd": wire.SLOT0,
    "1a686502": wire.LIQUIDITY,
    "5339c296": wire.TICK_BITMAP,
    "f30dba93": wire.TICKS,
    "e6a43905": wire.GET_PAIR,
    "1698ee82": wire.GET_POOL,
    "82ad56cb": wire.AGGREGATE3,
}
TOPICS = {"1c411e9a": wire.SYNC, "c42079f9": wire.V3_SWAP, "7a53080b": wire.V3_MINT, "0c396cd9": wire.V3_BURN}


def log(topic: int, *topics: int, data: bytes, place: int = 0) -> Log:
    return Log(place, POOL, (topic, *topics), data)


def row(**changes: Any) -> dict[str, Any]:
    fields = {"logIndex": "0x0", "address": POOL, "topics": [hex(wire.SYNC)], "data": "0x", "blockHash": HASH}
    return fields | changes


@pytest.mark.parametrize(("digits", "selector"), PUBLISHED.items())
def test_a_selector_is_the_published_one(digits: str, selector: bytes) -> None:
    assert selector.hex() == digits


@pytest.mark.parametrize(("digits", "topic"), TOPICS.items())
def test_a_topic_is_the_published_one(digits: str, topic: int) -> None:
    assert f"{topic:064x}".startswith(digits)


@given(st.integers(-(2**255), 2**255 - 1))
def test_a_number_survives_its_word(value: int) -> None:
    assert wire.signed(int.from_bytes(wire.word(value), "big")) == value


def test_a_sync_tells_both_reserves() -> None:
    assert event_of(log(wire.SYNC, data=wire.word(5) + wire.word(7))) == Synced(5, 7)


def test_a_v3_swap_tells_price_liquidity_and_tick() -> None:
    numbers = (-5, 6, 2**96, 1234, -887)
    data = b"".join(map(wire.word, numbers))
    assert event_of(log(wire.V3_SWAP, 1, 2, data=data)) == Swapped(2**96, 1234, -887)


def test_a_burn_takes_out_what_a_mint_put_in() -> None:
    ticks = [int.from_bytes(wire.word(tick), "big") for tick in (-60, 60)]
    minted = event_of(log(wire.V3_MINT, 1, *ticks, data=wire.word(1) + wire.word(9) + wire.word(0) * 2))
    burnt = event_of(log(wire.V3_BURN, 1, *ticks, data=wire.word(9) + wire.word(0) * 2))
    assert (minted, burnt) == (LiquidityMoved(-60, 60, 9), LiquidityMoved(-60, 60, -9))


def test_an_event_of_no_concern_tells_nothing() -> None:
    assert event_of(log(1, data=b"")) is None
    assert event_of(Log(0, POOL, (), b"")) is None


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (log(wire.SYNC, data=wire.word(5)), "truncated"),
        (log(wire.SYNC, data=wire.word(2**112) + wire.word(1)), "out_of_range"),
        (log(wire.V3_SWAP, data=b"".join(map(wire.word, (0, 0, 1, 1, 0)))), "out_of_range"),
        (log(wire.V3_SWAP, data=b"".join(map(wire.word, (0, 0, 2**96, 2**128, 0)))), "out_of_range"),
        (log(wire.V3_SWAP, data=b"".join(map(wire.word, (0, 0, 2**96, 1, 887273)))), "out_of_range"),
        (log(wire.V3_BURN, 1, data=wire.word(1)), "malformed"),
        (log(wire.V3_BURN, 1, 60, 60, data=wire.word(1)), "malformed"),
        (log(wire.V3_BURN, 1, 0, 60, data=wire.word(2**200)), "out_of_range"),
    ],
)
def test_an_event_that_cannot_be_is_refused_by_name(event: Log, reason: str) -> None:
    with pytest.raises(BadMarketData) as refused:
        event_of(event)
    assert refused.value.reason == reason


def test_logs_come_in_the_order_of_the_block() -> None:
    logs = parse_logs([row(logIndex="0xa"), row(logIndex="0x9")], block_hash=HASH)
    assert [log.place for log in logs] == [9, 10]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (None, "malformed"),
        ({}, "malformed"),
        (["x"], "malformed"),
        ([row(), row()], "malformed"),
        ([row(data="0x1")], "malformed"),
        ([row(data="0x1 2 ")], "malformed"),
        ([row(topics=None)], "malformed"),
        ([row(topics=["0x"])], "not_a_number"),
        ([row(logIndex=1)], "not_a_number"),
        ([row(logIndex="0x-1")], "not_a_number"),
        ([row(blockHash="0x" + "00" * 32)], "torn"),
        ([row(removed=True)], "torn"),
        ([{"address": POOL}], "malformed"),
    ],
)
def test_logs_that_cannot_be_are_refused_by_name(rows: Any, reason: str) -> None:
    with pytest.raises(BadMarketData) as refused:
        parse_logs(rows, block_hash=HASH)
    assert refused.value.reason == reason


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_answer_whatever_crashes_the_reading_of_logs(answer: Any) -> None:
    for rows in (answer, [answer], [row(topics=answer)], [row(data=answer)], [row(logIndex=answer)]):
        try:
            parse_logs(rows, block_hash=HASH)
        except BadMarketData as bad:
            assert bad.reason


@given(st.binary(max_size=400), st.sampled_from(wire.TOPICS), st.lists(st.integers(0, 2**256 - 1), max_size=4))
def test_no_event_whatever_crashes(data: bytes, topic: int, topics: list[int]) -> None:
    try:
        event_of(log(topic, *topics, data=data))
    except BadMarketData as bad:
        assert bad.reason
