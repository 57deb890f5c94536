"""What a recorder wrote while clocks were set back, books came late, at once or not at all replays to the same decisions."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from domain.errors import BadMarketData
from domain.market import Book, MarketKey
from domain.scope import Mode
from tests.fakes import BTC_USD, MS, NOW_NS, SIM, FixedClock, no_model
from tests.recorded_books import terms, walk
from tests.trading.services.replay.test_recorded import decided, looks
from tests.trading.services.stream.test_engine import InlineWriter, NoCache
from trading.dispatch import InlineDispatch
from trading.marketdata.view import BookView
from trading.models import Opportunity, Run
from trading.services.recording.recorder import Recorder
from trading.services.recording.terms import Terms
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import replay
from trading.services.stream.engine import Engine, Parts

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = ReplayOptions(recording="all", recorded_in=Mode.SIM)


class WriterAtOnce(InlineWriter):
    """A writer that writes at once what a recorder hands over, too."""

    def offer(self, name, job, *, ahead=False, wait_s=0.0):
        job()
        return True


def three_venues() -> Terms:
    """Return terms under which ``a`` and ``a2`` show one exchange's books."""
    told = terms()
    config, lot, fee = told.config, told.config.lots[MarketKey("a", BTC_USD)], told.config.fees["a"]
    lots = {**config.lots, MarketKey("a2", BTC_USD): lot}
    adapters = {**told.adapters, "a2": told.adapters["a"]}
    return replace(told, config=replace(config, lots=lots, fees={**config.fees, "a2": fee}), adapters=adapters)


def odd_times(rng: Random) -> Iterator[tuple[int, Book | None]]:
    """Yield instants of the machine's clock with the book that came, or None where only a tick ran."""
    at_ns = NOW_NS
    for seen in walk(500, seed=rng.randrange(1000), turns=0.15):
        draw = rng.random()
        if draw < 0.1:
            at_ns -= rng.randint(1, 400) * MS  # the clock is set back
        elif draw < 0.7:
            at_ns += rng.randint(1, 90) * MS  # else at the same instant as the one before
        elif draw > 0.99:
            at_ns += 4_000 * MS  # connections were lost
        if rng.random() < 0.2:
            yield at_ns, None
        book = replace(seen.book, seen_at_ns=at_ns - rng.randint(0, 20) * MS)
        if rng.random() < 0.05:
            book = replace(book, seq=book.seq - 3)  # out of order: refused
        venue = "a2" if book.venue == "a" and rng.random() < 0.3 else book.venue
        yield at_ns, replace(book, venue=venue)


def watch(rng: Random, told: Terms) -> int:
    """Let the stream see odd times and record them; nobody trades. Return how many books were refused."""
    clock, refused = FixedClock(), 0
    recorder = Recorder(SIM, process="collect", terms=told, writer=WriterAtOnce())
    engine = Engine(
        Parts(
            scope=SIM,
            clock=clock,
            view=BookView(told.markets, origins=told.adapters),
            cache=NoCache(),
            writer=InlineWriter(),
            dispatch=InlineDispatch(),
            score=no_model,
            config=told.config,
            linger_ns=told.linger_ms * MS,
            recorder=recorder,
        )
    )
    engine.begin()
    for at_ns, book in odd_times(rng):
        clock.at_ns = at_ns
        try:
            engine.tick() if book is None else engine.on_book(book)
        except BadMarketData:
            refused += 1
    clock.at_ns += 10_000 * MS
    engine.tick()
    engine.finish()
    return refused


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_odd_times_replay_to_the_same_decisions(seed):
    assert watch(Random(seed), three_venues()) > 10
    scope = Run.objects.get(run_id=replay((), EVERY).run_id).scope
    assert decided(scope)
    assert decided(scope) == decided(SIM)
    assert looks(scope) == looks(SIM)


def test_two_instances_of_one_exchange_are_never_traded_against_each_other():
    watch(Random(7), three_venues())
    routes = {(row.buy_venue, row.sell_venue) for row in Opportunity.objects.in_scope(SIM)}
    assert routes & {("a2", "b"), ("b", "a2")}
    assert not routes & {("a", "a2"), ("a2", "a")}
