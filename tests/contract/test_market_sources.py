"""What every market source owes us, whatever the venue: sound books, or a counted reason and a recovery."""

import asyncio

import pytest

from domain.book import check
from domain.errors import Refused, Unreachable
from domain.market import Book, Pair
from simulator.faults import Channel, FaultKind
from tests.contract.conftest import BTC_USD, MAX_AGE_MS, PAIRS, SOURCES, Rig, alpaca_source, rig_for

BAD_STREAMS = [
    (FaultKind.CROSSED, 0.0, {"crossed"}),
    (FaultKind.NAN_PRICE, 0.0, {"not_finite"}),
    (FaultKind.NEGATIVE_PRICE, 0.0, {"negative"}),
    (FaultKind.TRUNCATED, 0.0, {"not_json", "not_msgpack", "malformed"}),
    (FaultKind.HTML, 0.0, {"not_json", "not_msgpack", "malformed"}),
    (FaultKind.CLOCK_SKEW, 3600.0, {"future"}),
    (FaultKind.CLOCK_SKEW, -3600.0, {"stale"}),
]


def assert_sound(books: list[Book]) -> None:
    """Fail unless each book was sound when it was seen, and newer than the one before it."""
    assert books
    for book in books:
        check(book, now_ns=book.seen_at_ns, max_age_ms=MAX_AGE_MS)
    seqs = [book.seq for book in books]
    assert seqs == sorted(set(seqs))


async def test_sound_books_of_every_pair_arrive(rig: Rig) -> None:
    rig.stream()
    await rig.until(lambda: {book.pair for book in rig.books} == set(PAIRS))
    await rig.until_books(20)
    assert_sound(rig.books)
    assert {book.venue for book in rig.books} == {rig.source.venue}
    status = rig.source.status
    assert (status.refused, status.reconnects, status.integrity) == ({}, 0, 1.0)


async def test_a_streamed_book_equals_the_one_that_rest_shows(rig: Rig) -> None:
    rig.stream(BTC_USD)
    await rig.until_books(20)
    rig.strike(FaultKind.STALE)
    await asyncio.sleep(0.3)
    (shown,) = await rig.source.snapshot([BTC_USD])
    last = rig.books[-1]
    assert [level.price for level in shown.bids] == [level.price for level in last.bids]
    assert [level.price for level in shown.asks] == [level.price for level in last.asks]


async def test_an_unknown_pair_does_not_stop_the_others(rig: Rig) -> None:
    rig.stream(Pair.parse("NOPE/USD"), BTC_USD)
    await rig.until_books()
    assert {book.pair for book in rig.books} == {BTC_USD}


async def test_a_cut_connection_comes_back_with_whole_books(rig: Rig) -> None:
    rig.stream()
    await rig.until_books()
    rig.strike(FaultKind.DISCONNECT)
    await rig.until(lambda: rig.source.status.reconnects >= 2)
    assert rig.source.status.connected_at_ns is None or rig.source.status.trouble
    rig.relent()
    await rig.until_books()
    assert_sound(rig.books)
    assert rig.source.status.connected_at_ns is not None


async def test_a_stall_is_noticed_and_named(rig: Rig) -> None:
    rig.stream()
    await rig.until_books()
    rig.strike(FaultKind.STALL)
    await rig.until_trouble("silent")
    rig.relent()
    await rig.until_books()
    assert_sound(rig.books)


@pytest.mark.parametrize(("kind", "status"), [(FaultKind.RATE_LIMIT, 429), (FaultKind.SERVER_ERROR, 503)])
async def test_a_refused_handshake_is_named_and_tried_again(rig: Rig, kind: FaultKind, status: int) -> None:
    rig.strike(kind, value=float(status))
    rig.stream()
    await rig.until_trouble(f"http_{status}")
    rig.relent()
    await rig.until_books()
    assert_sound(rig.books)


@pytest.mark.parametrize(("kind", "value", "reasons"), BAD_STREAMS)
async def test_bad_data_is_refused_by_name_and_sound_books_follow(
    rig: Rig, kind: FaultKind, value: float, reasons: set[str]
) -> None:
    rig.stream()
    await rig.until_books()
    rig.strike(kind, value=value)
    await rig.until(lambda: bool(reasons & set(rig.source.status.refused)))
    rig.relent()
    await rig.until_books(10)
    assert_sound(rig.books)
    assert rig.source.status.integrity < 1.0


async def test_books_that_come_too_late_are_stale(rig: Rig) -> None:
    late = Rig(rig.doubles, SOURCES[rig.source.venue](rig.doubles, max_age_ms=300))
    rig.strike(FaultKind.LATENCY, value=600.0, channel=Channel.STREAM)
    late.stream()
    await late.until_refused("stale")
    assert late.books == []
    rig.relent()
    await late.until_books()
    await late.stop()


async def test_a_wrong_checksum_is_noticed_on_that_very_message() -> None:
    async with rig_for("kraken") as rig:
        rig.stream()
        await rig.until_books()
        rig.strike(FaultKind.WRONG_CHECKSUM)
        await asyncio.sleep(0)
        await rig.until_refused("checksum")
        books_then = len(rig.books)
        await rig.until(lambda: rig.source.status.resyncs >= 3)
        assert len(rig.books) == books_then
        rig.relent()
        await rig.until_books()
        assert_sound(rig.books)


async def test_a_second_connection_of_one_key_is_refused_and_waits() -> None:
    async with rig_for("alpaca") as rig:
        rig.stream()
        await rig.until_books()
        second = Rig(rig.doubles, alpaca_source(rig.doubles))
        second.stream()
        await second.until_trouble("connection_limit")
        assert second.books == []
        await rig.stop()
        await second.until_books()
        await second.stop()


async def test_wrong_keys_end_the_stream_as_refused() -> None:
    async with rig_for("alpaca") as rig:
        source = alpaca_source(rig.doubles, secret="wrong")
        with pytest.raises(Refused, match="402"):
            await source.stream(PAIRS, rig.books.append)
        assert rig.books == []


async def test_rest_shows_a_sound_book_for_each_pair(rig: Rig) -> None:
    books = await rig.source.snapshot(PAIRS)
    assert [book.pair for book in books] == list(PAIRS)
    for book in books:
        check(book, now_ns=book.seen_at_ns, max_age_ms=MAX_AGE_MS)


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMIT, FaultKind.SERVER_ERROR, FaultKind.DISCONNECT])
async def test_rest_that_cannot_be_had_is_unreachable(rig: Rig, kind: FaultKind) -> None:
    rig.strike(kind, channel=Channel.REST)
    with pytest.raises(Unreachable):
        await rig.source.snapshot(PAIRS)


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.TRUNCATED])
async def test_rest_that_cannot_be_read_gives_no_book_and_a_count(rig: Rig, kind: FaultKind) -> None:
    rig.strike(kind, channel=Channel.REST)
    assert await rig.source.snapshot([BTC_USD]) == []
    assert rig.source.status.refused["not_json"] == 1


@pytest.mark.parametrize("kind", [FaultKind.NAN_PRICE, FaultKind.NEGATIVE_PRICE, FaultKind.CROSSED])
async def test_rest_with_an_impossible_book_gives_none_and_a_count(rig: Rig, kind: FaultKind) -> None:
    rig.strike(kind)
    await asyncio.sleep(0.3)  # a crossed book is public from the next step of the market
    assert await rig.source.snapshot([BTC_USD]) == []
    assert sum(rig.source.status.refused.values()) == 1
