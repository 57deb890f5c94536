"""A recording relayed: what the production adapters hand on is what was recorded, digit for digit."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from arbsite.relay import relayed
from domain.detection import DetectConfig
from domain.errors import BadInput, Unreachable
from domain.gas import GasTerms
from domain.market import Asset, Book, Level, Market, MarketKey, Pair, PoolState
from domain.terms import Lot
from simulator.market import MarketProcess
from tests.fakes import detect_config, pool
from trading.market_json import market_to_json
from trading.services.replay.timeline import Instant, Json, Opening, days_between

T0 = 1_700_000_000 * 10**9
LOT = Lot(Decimal("0.00000001"), Decimal("0.0001"), Decimal(1), Decimal("0.01"))
ADAPTERS = {"kraken": "kraken", "alpaca": "alpaca", "k2": "kraken"}
PAIRS = (Pair.parse("BTC/USD"), Pair.parse("DOGE/USD"))


class Recorded:
    """A timeline of given books, begun anew where ``openings`` says so."""

    step_ns = 10**9

    def __init__(self, books: Sequence[Market], *, openings: Sequence[int] = (0,), resolution_s: int = 0) -> None:
        self._books = books
        self._openings = openings
        self.markets = tuple(dict.fromkeys(MarketKey(book.venue, book.pair) for book in books))
        config: DetectConfig = replace(
            detect_config(), lots=dict.fromkeys(self.markets, LOT), max_age_ms=2000, resolution_s=resolution_s
        )
        pools = {book.venue for book in books if isinstance(book, PoolState)}
        config = replace(config, gas=dict.fromkeys(pools, GasTerms(120_000, Asset("ETH"))))
        self._opening = Opening(config, 10**9, 250, self.markets, ADAPTERS | {pool: pool for pool in pools})

    @property
    def first_ns(self) -> int:
        return self._books[0].seen_at_ns

    @property
    def last_ns(self) -> int:
        return self._books[-1].seen_at_ns

    @property
    def days(self) -> Sequence[date]:
        return days_between(self.first_ns, self.last_ns)

    def instants(self, after: Json | None = None) -> Iterator[Instant]:
        for number, book in enumerate(self._books):
            key = MarketKey(book.venue, book.pair)
            opening = self._opening if number in self._openings else None
            yield Instant(book.seen_at_ns + 7, (key,), {key: book}, position=number, opening=opening)


def simulated(steps: int) -> list[Book]:
    """Return books as the adapters would have seen them, of three venues, two of them of one exchange."""
    market = MarketProcess(5, PAIRS, start_ns=T0)
    books, seq = [], 0
    for book in market.advance(T0 + steps * 100_000_000):
        for venue in ("kraken", "k2") if book.venue == "kraken" else ("alpaca",):
            seq += 3  # numbers of books that were refused are left out
            as_seen = _as_floats(book) if venue == "alpaca" else book
            books.append(replace(as_seen, venue=venue, seen_at_ns=book.venue_at_ns + 1_234_567 + seq, seq=seq))
    return books


def _as_floats(book: Book) -> Book:
    bids, asks = (
        tuple(Level(*(Decimal(repr(float(number))) for number in level)) for level in side)
        for side in (book.bids, book.asks)
    )
    return replace(book, bids=bids, asks=asks)


def handed_on(recorded: Recorded) -> list[Book]:
    return [book for instant in relayed(recorded).instants() for book in instant.books.values()]


def told(books: Sequence[Book]) -> list[Json]:
    return [market_to_json(book) for book in books]


def test_every_book_comes_back_digit_for_digit_with_its_instants_and_number() -> None:
    books = simulated(40)
    assert len(books) > 100
    assert told(handed_on(Recorded(books))) == told(books)


def test_a_pool_goes_on_as_it_was_recorded_between_the_books() -> None:
    first, *others = simulated(2)
    state = pool(at_ns=first.seen_at_ns)
    came = [
        book for instant in relayed(Recorded([first, state, *others])).instants() for book in instant.books.values()
    ]
    assert came[1] is state
    assert [book.venue for book in came] == [book.venue for book in (first, state, *others)]


def test_instants_and_positions_stay_what_they_were() -> None:
    recorded = Recorded(simulated(4))
    plain, over = list(recorded.instants()), list(relayed(recorded).instants())
    assert [(one.at_ns, one.position, one.changed) for one in over] == [
        (one.at_ns, one.position, one.changed) for one in plain
    ]
    assert relayed(recorded).days == recorded.days


def test_odd_books_come_back_too() -> None:
    book = simulated(2)[0]
    tiny = Level(Decimal("1E-7"), Decimal("123.00000000"))
    odd = [
        book,
        replace(book, seq=book.seq + 1, seen_at_ns=book.seen_at_ns + 1),  # nothing changed
        replace(book, seq=book.seq + 2, seen_at_ns=book.seen_at_ns + 2, bids=(*book.bids[:3], tiny)),
        replace(book, seq=book.seq + 9, seen_at_ns=book.seen_at_ns + 3, venue_at_ns=book.venue_at_ns + 1),
        replace(
            book, seq=book.seq + 10, seen_at_ns=book.seen_at_ns + 4, bids=(Level(book.bids[0].price, Decimal("2.5")),)
        ),
        replace(book, seq=book.seq + 11, seen_at_ns=book.seen_at_ns + 5, venue_at_ns=book.venue_at_ns - 1),
    ]
    assert told(handed_on(Recorded(odd))) == told(odd)
    whole = [replace(_as_floats(one), venue="alpaca") for one in odd if tiny not in one.bids]
    whole[1] = replace(whole[1], bids=(Level(Decimal(64000), Decimal(3)),))
    assert told(handed_on(Recorded(whole))) == told(whole)


def test_a_new_recording_begins_with_new_connections() -> None:
    books = simulated(6)
    again = [replace(book, seq=1) for book in books]
    assert told(handed_on(Recorded([*books, *again], openings=(0, len(books))))) == told([*books, *again])


def test_a_book_that_the_adapter_refuses_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arbsite.relay.PATIENCE_S", 1.0)
    book = simulated(2)[0]
    old = replace(book, venue_at_ns=book.seen_at_ns - 3_000_000_000)
    with pytest.raises(Unreachable, match=r"BTC/USD .*stale"):
        handed_on(Recorded([old]))


def test_candles_do_not_go_over_sockets() -> None:
    with pytest.raises(BadInput, match="candles"):
        handed_on(Recorded(simulated(2), resolution_s=60))


def test_a_relay_that_is_left_half_way_closes_its_ports() -> None:
    instants = relayed(Recorded(simulated(4))).instants()
    next(instants)
    instants.close()
    assert list(instants) == []
