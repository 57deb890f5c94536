"""Spoils every shape in turn and judges what comes out: no crash, no NaN, nothing decided on bad data.

Bad is: a market that does not pass the checks which every market passes where it enters, a book of a payload that
proves itself which is not the true one, a number that is not finite, a row that would store one.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from decimal import Decimal
from functools import cache
from math import isfinite
from random import Random

from domain.book import check
from domain.costs import FeeSchedule
from domain.detection import Candidate, DetectConfig, detect
from domain.errors import ArbError, BadMarketData
from domain.gas import GasTerms
from domain.market import Asset, Book, Market, MarketKey, PoolState
from domain.terms import Caps, Lot
from tests.fakes import book
from tests.fuzz import chains, exchanges, stored
from tests.fuzz.shape import MAX_AGE_MS, NOW_NS, Shape, proof_of
from trading.market_json import market_to_json
from trading.marketdata.price_cache import decode
from trading.marketdata.view import BookView
from trading.services.recording.pages import PageEncoder, decode_page

OTHER = "elsewhere"  # where the other leg is
FREE = FeeSchedule(Decimal(0), Decimal(0))


@dataclass
class Tally:
    """What became of the payloads; ``faults`` are what must not be, each with what it takes to see it again.

    ``opportunities`` are on numbers that were changed into others just as sound, in payloads that prove nothing.
    """

    read: int = 0
    refused: int = 0
    markets: int = 0
    opportunities: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def mutations(self) -> int:
        """Return how many payloads were tried."""
        return self.read + self.refused


class Unsound(AssertionError):
    """What came out of a payload must not have; the message says why."""


@cache
def every_shape() -> tuple[Shape, ...]:
    """Return every shape, by name."""
    found = {shape.name: shape for shape in (*exchanges.shapes(), *chains.shapes(), *stored.shapes())}
    return tuple(found.values())


def run(mutations: int, *, seed: int) -> Tally:
    """Try so many payloads, every shape in turn."""
    tally, shapes = Tally(), every_shape()
    for number in range(mutations):
        _try(shapes[number % len(shapes)], number, seed, tally)
    return tally


def payload_of(shape: Shape, number: int, seed: int) -> bytes:
    """Return the payload that a campaign of ``seed`` tries as its ``number``-th."""
    rng = Random(f"{seed}:{number}")
    payload = shape.payload
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        payload = shape.spoil(payload, rng)
    return payload


def _try(shape: Shape, number: int, seed: int, tally: Tally) -> None:
    payload = payload_of(shape, number, seed)
    try:
        for found in shape.read(payload):
            _judge(found, shape, tally)
        tally.read += 1
    except ArbError as refusal:
        tally.refused += 1
        tally.by_reason[refusal.reason if isinstance(refusal, BadMarketData) else type(refusal).__name__] += 1
    except Exception as crash:  # noqa: BLE001 (whatever it is, it is what we look for)
        tally.read += 1
        tally.faults.append(f"{shape.name} #{number} of seed {seed}: {type(crash).__name__}: {crash} at {payload!r}")


def _judge(found: object, shape: Shape, tally: Tally) -> None:
    if isinstance(found, Book | PoolState):
        _judge_market(found, shape, tally)
    for number in _numbers(found):
        if not (number.is_finite() if isinstance(number, Decimal) else isfinite(number)):
            raise Unsound(f"{number} in {type(found).__name__}")


def _judge_market(market: Market, shape: Shape, tally: Tally) -> None:
    if shape.true is not None and isinstance(market, Book) and proof_of(market) not in shape.true:
        raise Unsound("a book that never was")
    market = replace(market, venue="fuzzed", seen_at_ns=NOW_NS, venue_at_ns=NOW_NS, seq=2)
    view = _view_beside(market, shape)
    try:
        key = view.put(market)
    except BadMarketData as bad:  # the last check before anything decides, and it holds
        tally.by_reason[bad.reason] += 1
        return
    tally.markets += 1
    check(market, now_ns=NOW_NS, max_age_ms=MAX_AGE_MS)
    _judge_stored(market)
    for candidate in detect(key, view, now_ns=NOW_NS, config=_config(view.markets)):
        if isinstance(candidate, Candidate):
            tally.opportunities += 1
            _judge_candidate(candidate, shape)


def _view_beside(market: Market, shape: Shape) -> BookView:
    keys = [MarketKey(venue, market.pair) for venue in ("fuzzed", OTHER)]
    view = BookView(keys, origins={"fuzzed": "a", OTHER: "b"})
    view.put(book(OTHER, *shape.beside, pair=market.pair))
    return view


def _config(markets: Sequence[MarketKey]) -> DetectConfig:
    lot = Lot(Decimal("1e-8"), Decimal("1e-8"), Decimal(0), Decimal("1e-8"))
    return DetectConfig(
        min_net_bps=Decimal(0),
        max_age_ms=MAX_AGE_MS,
        max_skew_ms=MAX_AGE_MS,
        fees={"fuzzed": FREE, OTHER: FREE},
        lots=dict.fromkeys(markets, lot),
        caps=Caps(Decimal(1000)),
        quote_usd={"USD": Decimal(1), "USDC": Decimal(1)},
        gas={"fuzzed": GasTerms(150_000, Asset("ETH"))},
    )


def _judge_candidate(candidate: Candidate, shape: Shape) -> None:
    if shape.true is not None:
        raise Unsound("an opportunity out of a payload that was spoilt")
    for market in candidate.markets:
        check(market, now_ns=NOW_NS, max_age_ms=MAX_AGE_MS)
    for number in (candidate.gross_bps, candidate.net_bps):
        if not number.is_finite():
            raise Unsound(f"an opportunity of {number} bps")


def _judge_stored(market: Market) -> None:
    """Hold what would be stored against what is read again."""
    text = json.dumps(market_to_json(market, depth=5000))
    json.loads(text, parse_constant=_refuse)
    if decode(text) != market:
        raise Unsound("the cache gives another market back")
    pages = PageEncoder()
    pages.add(NOW_NS, market)
    page = pages.take()
    assert page is not None
    if [seen.book for seen in decode_page(page.payload())] != [market]:
        raise Unsound("a recording gives another market back")


def _refuse(name: str) -> None:
    raise Unsound(f"{name} would be stored")


def _numbers(found: object) -> Iterator[Decimal | float]:
    if isinstance(found, Decimal | float):
        yield found
    elif is_dataclass(found) and not isinstance(found, Book | PoolState | type):
        for one in fields(found):
            yield from _numbers(getattr(found, one.name))
    elif isinstance(found, Iterable) and not isinstance(found, str | bytes):
        for part in found:
            yield from _numbers(part)
