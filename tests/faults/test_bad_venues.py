"""Both venues misbehave in every way of the fault scripts while feeds and engine run.

Nothing stops, nothing is decided on bad data, every reason is counted and told, and sound books come again.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from domain.book import check
from domain.costs import FeeSchedule
from domain.detection import DetectConfig
from domain.market import MarketKey
from domain.terms import Caps, Lot
from domain.timestamps import NS_PER_MS
from simulator.faults import EVERY_VENUE, Fault, FaultKind
from simulator.server import Doubles, SimulatorConfig, serve
from tests.contract.conftest import MAX_AGE_MS, PAIRS, SOURCES
from tests.fakes import SIM, no_model
from trading.dispatch import InlineDispatch
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.marketdata.feeds import Feeds
from trading.marketdata.venue_teller import line_of
from trading.marketdata.view import BookView
from trading.services.decision import Decision
from trading.services.stream.engine import Engine, Parts
from trading.venues.alpaca.polling import AlpacaRestFeed, AlpacaRestSettings
from trading.venues.base import MarketSource

VENUES = tuple(sorted(SOURCES))
MAX_SKEW_MS = 1000
PATIENCE_S = 60.0
SIDE_BY_SIDE = 3
CUT = {"cut_off", "no_connection", "closed", "closed_1006", "handshake", "connect_timeout", "silent"}
UNREADABLE = {"not_json", "not_msgpack", "malformed"}
LATE = {"stale"}
Line = tuple[FaultKind, float, set[str]]
SCRIPT: tuple[Line, ...] = (
    (FaultKind.CROSSED, 0.0, {"crossed"}),
    (FaultKind.NAN_PRICE, 0.0, {"not_finite"}),
    (FaultKind.NEGATIVE_PRICE, 0.0, {"negative"}),
    (FaultKind.CLOCK_SKEW, 3600.0, {"future"}),
    (FaultKind.CLOCK_SKEW, -3600.0, LATE),
    (FaultKind.CLOCK_SKEW, -30.0, LATE),  # a book 30 s old
    (FaultKind.LATENCY, 2500.0, {"stale", "silent", "connect_timeout"}),
    (FaultKind.WRONG_CHECKSUM, 0.0, {"checksum"}),
    (FaultKind.TRUNCATED, 0.0, UNREADABLE),
    (FaultKind.HTML, 0.0, UNREADABLE),
    (FaultKind.DISCONNECT, 0.0, CUT),
    (FaultKind.STALL, 0.0, {"silent"}),
    (FaultKind.RATE_LIMIT, 0.0, {"http_429"}),
    (FaultKind.SERVER_ERROR, 502.0, {"http_502"}),
)
AT_HANDSHAKE = (FaultKind.RATE_LIMIT, FaultKind.SERVER_ERROR)
POLLED: tuple[Line, ...] = (
    (FaultKind.CROSSED, 0.0, {"crossed"}),
    (FaultKind.NAN_PRICE, 0.0, {"not_finite", "not_json"}),
    (FaultKind.NEGATIVE_PRICE, 0.0, {"negative"}),
    (FaultKind.CLOCK_SKEW, 3600.0, {"future"}),
    (FaultKind.CLOCK_SKEW, -30.0, {"stale", "out_of_order"}),
    (FaultKind.TRUNCATED, 0.0, UNREADABLE),
    (FaultKind.HTML, 0.0, UNREADABLE),
    (FaultKind.DISCONNECT, 0.0, {"cut_off", "no_connection"}),
    (FaultKind.STALL, 0.0, {"no_answer_in_time"}),
    (FaultKind.LATENCY, 2500.0, {"no_answer_in_time"}),
    (FaultKind.RATE_LIMIT, 0.0, {"http_429"}),
    (FaultKind.SERVER_ERROR, 503.0, {"http_503"}),
)
ON_THE_BOARD = {  # how the score names what lasts
    (FaultKind.CLOCK_SKEW, 3600.0): "its clock is 60 min ahead",
    (FaultKind.CLOCK_SKEW, -3600.0): "60 min old",
    (FaultKind.CLOCK_SKEW, -30.0): "30.0 s old",
    (FaultKind.RATE_LIMIT, 0.0): "not connected: http_429",
    (FaultKind.SERVER_ERROR, 502.0): "not connected: http_502",
}


class Decisions:
    """A writer that keeps the decisions it is handed, and writes nothing."""

    def __init__(self) -> None:
        self.taken: list[Decision] = []

    def submit(self, name, job) -> bool:
        if name == "decision":
            self.taken.append(job.args[0])
        return True


class NoCache:
    def put(self, book) -> None:
        pass


class Stream:
    """Feeds and engine on both doubles, as the stream process joins them."""

    def __init__(self, doubles: Doubles, builders: Mapping[str, Callable[[Doubles], MarketSource]]) -> None:
        lots = {MarketKey(venue, pair): _LOT for venue in VENUES for pair in PAIRS}
        self.doubles = doubles
        self.decisions = Decisions()
        self.is_streamed = builders is SOURCES
        self.engine = Engine(
            Parts(
                scope=SIM,
                clock=SYSTEM_CLOCK,
                view=BookView(lots),
                cache=NoCache(),
                writer=self.decisions,
                dispatch=InlineDispatch(),
                score=no_model,
                config=_config(lots),
                linger_ns=0,
            )
        )
        sources = [builders[venue](doubles) for venue in VENUES]
        pairs = dict.fromkeys(VENUES, PAIRS)
        self.feeds = Feeds(sources, pairs, self.engine.on_book, clock=SYSTEM_CLOCK, rng=Random(3), first_restart_s=0.05)

    def reasons(self, venue: str) -> Counter[str]:
        return Counter(next(line_of(one).reasons for one in self.feeds.statuses() if one.feed.venue == venue))

    def told(self, venue: str) -> str:
        """Return what the board says against a venue."""
        line = next(line_of(one) for one in self.feeds.statuses() if one.feed.venue == venue)
        return f"{line.health} of 100: {'; '.join(line.health_reasons)}"

    def books(self) -> list[int]:
        return [one.feed.books for one in self.feeds.statuses()]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        for _ in range(int(PATIENCE_S / 0.01)):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{what}: {[line_of(one) for one in self.feeds.statuses()]}")

    async def until_books(self) -> None:
        """Wait until both venues have sent ten more sound books."""
        before = self.books()
        await self.until(
            lambda: all(now >= then + 10 for now, then in zip(self.books(), before, strict=True)), "no books came"
        )


_LOT = Lot(Decimal("1e-8"), Decimal("1e-8"), Decimal(1), Decimal("0.01"))


def _config(lots: dict[MarketKey, Lot]) -> DetectConfig:
    free = FeeSchedule(Decimal(0), Decimal(0))  # so that every difference is a decision, and every lie shows
    return DetectConfig(
        min_net_bps=Decimal(0),
        max_age_ms=MAX_AGE_MS,
        max_skew_ms=MAX_SKEW_MS,
        fees=dict.fromkeys(VENUES, free),
        lots=lots,
        caps=Caps(Decimal(1000)),
        quote_usd={"USD": Decimal(1)},
    )


@asynccontextmanager
async def streaming(
    builders: Mapping[str, Callable[[Doubles], MarketSource]] = SOURCES,
) -> AsyncIterator[Stream]:
    async with await serve(SimulatorConfig(pairs=PAIRS, incident_at_s=None)) as doubles:
        stream = Stream(doubles, builders)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(stream.feeds.run()), group.create_task(stream.engine.run())]
            await stream.until_books()
            yield stream
            for task in tasks:
                task.cancel()


async def suffer(
    stream: Stream, kind: FaultKind, value: float, reasons: set[str], *, for_s: float, venues: Sequence[str] = VENUES
) -> None:
    """Let venues misbehave, until each has said why it refused what came; then let sound books come again."""
    venues = ("kraken",) if kind is FaultKind.WRONG_CHECKSUM else venues
    at = EVERY_VENUE if len(venues) > 1 else venues[0]
    before = {venue: stream.reasons(venue) for venue in venues}
    if kind in AT_HANDSHAKE:  # felt by whoever connects anew
        stream.doubles.faults.add(Fault(FaultKind.DISCONNECT, at, 0.0, 0.3))
    stream.doubles.faults.add(Fault(kind, at, 0.0, 3600.0, value))
    for venue in venues:
        await stream.until(
            lambda venue=venue: any(stream.reasons(venue)[one] > before[venue][one] for one in reasons),
            f"{kind} of {venue} was not told as one of {sorted(reasons)}",
        )
        if stream.is_streamed and (word := ON_THE_BOARD.get((kind, value))) is not None:
            await stream.until(lambda venue=venue, word=word: word in stream.told(venue), stream.told(venue))
    await asyncio.sleep(for_s)
    stream.doubles.faults.clear()
    await stream.until_books()


def assert_sound(decisions: list[Decision]) -> None:
    for decision in decisions:
        buy, sell = decision.candidate.markets
        for book in (buy, sell):
            check(book, now_ns=decision.decided_at_ns, max_age_ms=MAX_AGE_MS + 500)
            assert decision.decided_at_ns - book.seen_at_ns <= MAX_AGE_MS * NS_PER_MS
        assert abs(buy.seen_at_ns - sell.seen_at_ns) <= MAX_SKEW_MS * NS_PER_MS
        assert decision.candidate.net_bps < 500, "no simulated market strays that far"


async def endure(
    script: Sequence[Line],
    builders: Mapping[str, Callable[[Doubles], MarketSource]] = SOURCES,
    *,
    venues: Sequence[str] = VENUES,
) -> list[Decision]:
    """Let one fault come after the other, and return what was decided meanwhile: on sound books alone."""
    async with streaming(builders) as stream:
        for kind, value, reasons in script:
            await suffer(stream, kind, value, reasons, for_s=0.1, venues=venues)
        crashes = [one.last_error for one in stream.feeds.statuses()]
    assert crashes == ["", ""]
    assert_sound(stream.decisions.taken)
    return stream.decisions.taken


async def side_by_side(script: Sequence[Line], *arguments: Any, **options: Any) -> None:
    """Endure ``script`` in parts, each on doubles of its own: most of it is waiting."""
    parts = [script[first::SIDE_BY_SIDE] for first in range(SIDE_BY_SIDE)]
    decided = await asyncio.gather(*(endure(part, *arguments, **options) for part in parts))
    assert any(decided)


async def test_every_fault_script_is_survived_told_by_its_reason_and_followed_by_sound_books() -> None:
    await side_by_side(SCRIPT)


def polled_source(doubles: Doubles) -> MarketSource:
    settings = AlpacaRestSettings(doubles.urls.alpaca_data, 50, MAX_AGE_MS, rest_timeout_s=1.0)
    return AlpacaRestFeed(settings, clock=SYSTEM_CLOCK, rng=Random(5))


POLLED_SOURCES = {**SOURCES, "alpaca": polled_source}


async def test_every_fault_script_is_survived_by_a_venue_that_is_asked_over_rest() -> None:
    await side_by_side(POLLED, POLLED_SOURCES, venues=["alpaca"])


@pytest.mark.parametrize(
    ("builders", "venues", "reason"),
    [(SOURCES, VENUES, "quiet_unlike_before"), (POLLED_SOURCES, ["alpaca"], "stale")],
    ids=["streamed", "polled"],
)
async def test_books_that_stop_while_the_venue_talks_on_are_doubted_until_they_move_again(
    builders: Mapping[str, Callable[[Doubles], MarketSource]], venues: Sequence[str], reason: str
) -> None:
    async with streaming(builders) as stream:
        await stream.until(lambda: all(books > 40 for books in stream.books()), "too few books for a habit")
        await suffer(stream, FaultKind.STALE, 0.0, {reason}, for_s=0.1, venues=venues)
    assert_sound(stream.decisions.taken)


@pytest.mark.campaign
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kind", "value", "reasons"), [*SCRIPT, (FaultKind.STALE, 0.0, set()), (FaultKind.LATENCY, 900.0, set())]
)
async def test_four_seconds_of_a_fault_make_no_decision_out_of_bad_data(kind, value, reasons) -> None:
    async with streaming() as stream:
        await asyncio.sleep(3)
        if reasons:
            await suffer(stream, kind, value, reasons, for_s=4)
        else:
            stream.doubles.faults.add(Fault(kind, EVERY_VENUE, 0.0, 4.0, value))
            await asyncio.sleep(4)
            await stream.until_books()
        await asyncio.sleep(2)
        crashes = [one.last_error for one in stream.feeds.statuses()]
    assert crashes == ["", ""]
    assert stream.decisions.taken
    assert_sound(stream.decisions.taken)
