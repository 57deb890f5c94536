"""Books by REST: all venues at once, over kept connections, within budgets, each trouble told by name."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.errors import Unreachable
from domain.market import Book, Pair
from tests.fakes import BTC_USD, FixedClock, book
from trading.venues.rest_books import RestBooks
from trading.venues.rest_books.readers import AlpacaReader, KrakenReader, SourceReader

PAIRS = tuple(Pair.parse(symbol) for symbol in ("BTC/USD", "ETH/USD", "SOL/USD"))
SIDES = {"asks": [["101", "1", 1]], "bids": [["100", "1", 1]]}


class Venue:
    """Answers Depth as told, and notes who asked over which connection."""

    def __init__(self) -> None:
        self.answers: dict[str, web.Response] = {}
        self.asked: list[str] = []
        self.connections: set[object] = set()
        self.together = 0
        self._open = 0

    async def depth(self, request: web.Request) -> web.Response:
        name = request.query["pair"]
        self.asked.append(name)
        self.connections.add(request.transport)
        self._open += 1
        self.together = max(self.together, self._open)
        await asyncio.sleep(0.02)
        self._open -= 1
        return self.answers.get(name) or web.json_response({"error": [], "result": {name: SIDES}})


@pytest.fixture
async def venue() -> AsyncIterator[tuple[Venue, str]]:
    told, app = Venue(), web.Application()
    app.router.add_get("/0/public/Depth", told.depth)
    async with TestServer(app) as server:
        yield told, str(server.make_url("")).rstrip("/")


@pytest.fixture
async def books(venue) -> AsyncIterator[RestBooks]:
    found = RestBooks({"kraken": KrakenReader("kraken", venue[1], clock=FixedClock())}, {})
    yield found
    await found.close()


async def look(books: RestBooks, pairs=PAIRS):
    (reading,) = await books.read({"kraken": pairs})
    return reading


async def test_all_pairs_are_asked_for_at_once_and_the_next_look_uses_the_same_connections(books, venue):
    told = venue[0]
    first = await look(books)
    connections = set(told.connections)
    assert told.together == len(PAIRS)
    assert [answer.pair for answer in first.answers] == list(PAIRS)
    await look(books)
    assert told.connections == connections


async def test_sound_books_come_out_and_each_bad_one_has_its_reason(books, venue):
    crossed = {"asks": [["99", "1", 1]], "bids": [["100", "1", 1]]}
    venue[0].answers = {
        "ETHUSD": web.json_response({"error": [], "result": {"ETHUSD": crossed}}),
        "SOLUSD": web.Response(text="<html>502</html>"),
    }
    reading = await look(books)
    sound, refused = reading.sound(now_ns=FixedClock().now_ns(), max_age_ms=1000)
    assert [(type(one), one.pair) for one in sound] == [(Book, BTC_USD)]
    assert refused == {PAIRS[1]: "crossed", PAIRS[2]: "not_json"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (web.json_response({"error": ["EQuery:Unknown asset pair"]}), "Unknown asset pair"),
        (web.json_response({"error": ["EAPI:Rate limit exceeded"]}), "Rate limit"),
        (web.Response(status=429, text="error code: 1015"), "HTTP 429"),
        (web.Response(status=503), "HTTP 503"),
    ],
)
async def test_a_venue_that_turns_us_down_is_quoted(books, venue, answer, said):
    venue[0].answers = {"XBTUSD": answer}
    reading = await look(books, (BTC_USD,))
    assert not reading.answers and said in reading.error


async def test_a_venue_that_is_away_hinders_no_other(venue):
    clock = FixedClock()
    readers = {
        "away": KrakenReader("away", "http://127.0.0.1:9", clock=clock),
        "kraken": KrakenReader("kraken", venue[1], clock=clock),
    }
    books = RestBooks(readers, {})
    away, here = await books.read({"away": PAIRS, "kraken": PAIRS})
    assert "no connection" in away.error and not away.answers
    assert len(here.answers) == len(PAIRS)
    await books.close()


class FixedBudget:
    """Allows so many requests, then no more."""

    def __init__(self, left: int) -> None:
        self.left = left

    async def take(self, count: int = 1) -> None:
        if self.left < count:
            raise Unreachable("the budget of kraken is spent")
        self.left -= count


async def test_where_the_budget_does_not_reach_every_pair_has_its_turn(venue):
    budget = FixedBudget(2)
    books = RestBooks({"kraken": KrakenReader("kraken", venue[1], clock=FixedClock())}, {"kraken": budget})
    first = await look(books)
    assert [one.pair for one in first.answers] == list(PAIRS[:2])
    assert first.refused == {PAIRS[2]: "no_budget"}
    budget.left = 2
    second = await look(books)
    assert {one.pair for one in second.answers} == {PAIRS[2], PAIRS[0]}
    third = await look(books)
    assert "budget of kraken is spent" in third.error and set(third.refused) == set(PAIRS)
    await books.close()


async def test_alpaca_is_asked_once_for_all_and_a_pair_it_does_not_serve_is_left_out_from_then_on():
    asked: list[str] = []

    async def orderbooks(request: web.Request) -> web.Response:
        symbols = request.query["symbols"]
        asked.append(symbols)
        if "SOL/USD" in symbols:
            return web.json_response({"message": "invalid symbol"}, status=400)
        side = {"a": [{"p": 101.5, "s": 1}], "b": [{"p": 100.25, "s": 2}], "t": "2025-10-09T08:53:20Z"}
        return web.Response(text=json.dumps({"orderbooks": dict.fromkeys(symbols.split(","), side)}))

    app = web.Application()
    app.router.add_get("/v1beta3/crypto/us/latest/orderbooks", orderbooks)
    async with TestServer(app) as server:
        reader = AlpacaReader("alpaca", str(server.make_url("")), clock=FixedClock())
        books = RestBooks({"alpaca": reader}, {})
        (first,) = await books.read({"alpaca": PAIRS})
        before = len(asked)
        (second,) = await books.read({"alpaca": PAIRS})
        await books.close()
    assert asked[0] == "BTC/USD,ETH/USD,SOL/USD" and asked[before:] == ["BTC/USD,ETH/USD"]
    assert [one.pair for one in first.answers] == [one.pair for one in second.answers] == list(PAIRS[:2])
    assert second.refused == {PAIRS[2]: "pair_not_served"}


class Chain:
    """A source that reads whole markets itself."""

    venue = "ethereum"

    def __init__(self, *books: Book, error: Exception | None = None) -> None:
        self._books, self._error = books, error

    async def snapshot(self, pairs):
        if self._error:
            raise self._error
        return list(self._books)


async def test_a_chain_is_read_by_its_source_and_tells_what_it_lacks():
    books = RestBooks({"ethereum": SourceReader(Chain(book("uniswap_v2", "100", "101")))}, {})
    reading = await look_at(books, "ethereum")
    assert [one.venue for one in reading.answers] == ["uniswap_v2"]
    assert reading.refused == dict.fromkeys(PAIRS[1:], "not_read")
    down = RestBooks({"ethereum": SourceReader(Chain(error=Unreachable("every node is away")))}, {})
    assert (await look_at(down, "ethereum")).error == "every node is away"
    for one in (books, down):
        await one.close()


async def look_at(books: RestBooks, venue: str):
    (reading,) = await books.read({venue: PAIRS})
    return reading
