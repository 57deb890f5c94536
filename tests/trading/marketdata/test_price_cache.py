"""The latest books in Redis."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
import redis.asyncio
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadMarketData, Unreachable
from domain.market import Book, Level, MarketKey, Pair, PoolState
from domain.scope import Mode, Scope
from tests.fakes import FixedClock
from trading.marketdata.price_cache import MOST_AT_ONCE, CachedBooks, PriceCache, cache_key, decode, encode

SCOPE = Scope(Mode.SIM, "price-cache-test")
KEY = MarketKey("kraken", Pair.parse("BTC/USD"))
T0 = 1_700_000_000 * 10**9
BOOK = Book(
    KEY.venue,
    KEY.pair,
    bids=(Level(Decimal("99.10"), Decimal("0.00100000")),),
    asks=(Level(Decimal(100), Decimal("1E-8")),),
    venue_at_ns=T0,
    seen_at_ns=T0 + 5,
    seq=7,
)


@pytest.fixture
def server() -> Iterator["redis.Redis"]:
    client = redis.Redis.from_url(settings.ARB.redis_url)
    client.delete(cache_key(SCOPE))
    yield client
    client.delete(cache_key(SCOPE))
    client.close()


@pytest.fixture
async def cache(server: "redis.Redis") -> AsyncIterator[PriceCache]:
    client = redis.asyncio.Redis.from_url(settings.ARB.redis_url)
    yield PriceCache(client, SCOPE)
    await client.aclose()


def reader(server: "redis.Redis", *, at_ns: int = T0) -> CachedBooks:
    return CachedBooks(server, SCOPE, clock=FixedClock(at_ns), max_age_ms=2000)


async def test_the_latest_book_reads_back_digit_for_digit(cache: PriceCache, server: "redis.Redis") -> None:
    cache.put(replace(BOOK, seq=6))
    cache.put(BOOK)
    await cache.flush()
    found = reader(server).book(KEY)
    assert found == BOOK
    assert found is not None and str(found.bids[0].price) == "99.10"
    assert cache.written == 1


async def test_an_old_book_is_rejected_by_age_though_it_has_not_expired(
    cache: PriceCache, server: "redis.Redis"
) -> None:
    cache.put(BOOK)
    await cache.flush()
    late = reader(server, at_ns=T0 + 3 * 10**9)
    with pytest.raises(BadMarketData, match="stale"):
        late.book(KEY)
    assert late.books() == ({}, {"kraken|BTC/USD": "stale"})
    assert reader(server).books() == ({KEY: BOOK}, {})


async def test_what_is_torn_in_the_cache_is_refused_by_name(cache: PriceCache, server: "redis.Redis") -> None:
    server.hset(cache_key(SCOPE), "kraken|BTC/USD", b'{"venue": "kraken"')
    assert reader(server).books() == ({}, {"kraken|BTC/USD": "malformed"})


async def test_one_poisoned_market_hides_no_other(cache: PriceCache, server: "redis.Redis") -> None:
    cache.put(BOOK)
    await cache.flush()
    poison = {
        "kraken|A/USD": ("[" * 100_000, "malformed"),
        "kraken|B/USD": (json.dumps(json.loads(encode(BOOK)) | {"pair": "no pair"}), "malformed"),
        "alpaca|BTC/USD": (encode(BOOK), "misplaced"),
        "kraken|C/USD": (encode(replace(BOOK, bids=(Level(Decimal("1e-99"), Decimal(1)),))), "out_of_range"),
    }
    server.hset(cache_key(SCOPE), mapping={field: raw for field, (raw, _) in poison.items()} | {b"\xff": b"{}"})
    found, refused = reader(server).books()
    assert found == {KEY: BOOK}
    assert refused == {field: reason for field, (_, reason) in poison.items()} | {"\ufffd": "malformed"}


async def test_a_market_stored_under_anothers_name_is_not_taken_for_it(server: "redis.Redis") -> None:
    server.hset(cache_key(SCOPE), "kraken|BTC/USD", encode(replace(BOOK, pair=Pair.parse("ETH/USD"))))
    with pytest.raises(BadMarketData, match="misplaced"):
        reader(server).book(KEY)


@pytest.mark.parametrize("odd", [[[100.5, 1.5]], [[True, "1"]], ["12"], {"12": 1}, [[[0, [1], 0], "1"]], [["1"]], None])
def test_levels_that_are_no_pairs_of_texts_are_malformed(odd: object) -> None:
    with pytest.raises(BadMarketData, match="malformed"):
        decode(json.dumps(json.loads(encode(BOOK)) | {"bids": odd}))


def test_a_market_without_a_book_has_none(server: "redis.Redis") -> None:
    assert reader(server).book(KEY) is None


async def test_without_redis_the_writer_goes_on_and_says_so_once() -> None:
    client = redis.asyncio.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    cache = PriceCache(client, SCOPE)
    for seq in (1, 2):
        cache.put(replace(BOOK, seq=seq))
        await cache.flush()
        assert not cache.is_available
    await client.aclose()


async def test_after_an_outage_the_latest_book_is_written(server: "redis.Redis") -> None:
    way = socket.socket()
    way.bind(("127.0.0.1", 0))  # ours from now on, though nobody listens yet
    client = redis.asyncio.Redis.from_url(_through(way.getsockname()[1]))
    cache = PriceCache(client, SCOPE)
    cache.put(BOOK)
    await cache.flush()
    assert not cache.is_available and reader(server).book(KEY) is None
    async with await asyncio.start_server(_forward, sock=way):
        await cache.flush()
        assert cache.is_available and reader(server).book(KEY) == BOOK
        await client.aclose()


def _through(port: int) -> str:
    """Return the address of Redis with another port."""
    address = urlsplit(settings.ARB.redis_url)
    userinfo, _, _ = address.netloc.rpartition("@")
    return urlunsplit(address._replace(netloc=f"{userinfo}@127.0.0.1:{port}"))


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    address = urlsplit(settings.ARB.redis_url)
    there = await asyncio.open_connection(address.hostname, address.port)
    await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()


def test_a_reader_without_redis_says_unreachable() -> None:
    client = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    for ask in (reader(client).books, lambda: reader(client).book(KEY)):
        with pytest.raises(Unreachable, match="price cache"):
            ask()


@given(st.binary(max_size=80))
def test_no_bytes_crash_the_decoder(raw: bytes) -> None:
    with pytest.raises(BadMarketData, match="malformed"):
        decode(raw)


def test_only_the_depth_asked_for_is_cached() -> None:
    deep = replace(BOOK, bids=tuple(Level(Decimal(99 - n), Decimal(1)) for n in range(40)))
    assert len(decode(encode(deep)).bids) == 25


async def test_of_very_many_changes_those_that_wait_longest_are_written_first(
    cache: PriceCache, server: "redis.Redis"
) -> None:
    books = [replace(BOOK, pair=Pair.parse(f"L{number}/USD")) for number in range(MOST_AT_ONCE + 5)]
    for book in books:
        cache.put(book)
    await cache.flush()
    assert set(reader(server).books()[0].values()) == set(books[:MOST_AT_ONCE])
    cache.put(replace(books[0], seq=99))
    await cache.flush()
    assert cache.written == MOST_AT_ONCE + 6


@pytest.mark.parametrize("name", ["venue_at_ns", "seen_at_ns", "seq"])
@pytest.mark.parametrize("odd", ["1760000000000000000", 1.5, None, True, 2**63])
def test_an_instant_that_is_no_whole_number_is_malformed(name: str, odd: object) -> None:
    told = json.loads(encode(BOOK)) | {name: odd}
    with pytest.raises(BadMarketData, match="malformed"):
        decode(json.dumps(told))


POOL = PoolState(
    venue="uniswap_v2",
    pair=Pair.parse("ETH/USDC"),
    chain_id=1,
    address="0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc",
    base_reserve=2**111,
    quote_reserve=30_000_000_000_001,
    base_decimals=18,
    quote_decimals=6,
    fee_pips=3000,
    block=21,
    block_hash="0xabc",
    block_at_ns=T0 - 10**10,
    gas_price_wei=10**11 + 1,
    venue_at_ns=T0,
    seen_at_ns=T0,
    seq=1,
)


async def test_a_pool_reads_back_to_the_last_unit_and_ages_like_a_book(
    cache: PriceCache, server: "redis.Redis"
) -> None:
    cache.put(POOL)
    await cache.flush()
    key = MarketKey(POOL.venue, POOL.pair)
    assert reader(server).books() == ({key: POOL}, {})
    assert reader(server, at_ns=T0 + 3 * 10**9).books() == ({}, {"uniswap_v2|ETH/USDC": "stale"})


@pytest.mark.parametrize("odd", ["1_000_000", " 1000000 ", "١٠٠٠٠٠٠", "-1000000", "1e6", 10**6])
def test_an_amount_of_units_is_plain_digits(odd: object) -> None:
    with pytest.raises(BadMarketData, match="malformed"):
        decode(json.dumps(json.loads(encode(POOL)) | {"base_reserve": odd}))


@pytest.mark.parametrize("name", ["venue", "pair", "address", "block_hash"])
@pytest.mark.parametrize("odd", ["A/\x00", "A/\ud800"])
def test_a_name_that_no_column_takes_is_malformed(name: str, odd: str) -> None:
    with pytest.raises(BadMarketData, match="malformed"):
        decode(json.dumps(json.loads(encode(POOL)) | {name: odd}))


async def test_those_that_are_wanted_are_read_alone(cache: PriceCache, server: "redis.Redis") -> None:
    cache.put(BOOK)
    await cache.flush()
    server.hset(cache_key(SCOPE), "kraken|ETH/USD", b"{}")
    absent, torn = MarketKey("kraken", Pair.parse("SOL/USD")), MarketKey("kraken", Pair.parse("ETH/USD"))
    assert reader(server).books([KEY, absent]) == ({KEY: BOOK}, {})
    assert reader(server).books([torn]) == ({}, {"kraken|ETH/USD": "malformed"})
    assert reader(server).books([]) == ({}, {})
