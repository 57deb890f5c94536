"""A replay of recorded books: the stream's own decisions again, the terms it knew, and what cannot be replayed."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest

from domain.costs import FeeSchedule
from domain.errors import BadInput
from domain.execution import EXECUTION_TERMINAL
from domain.market import MarketKey
from domain.scope import Mode
from domain.timestamps import NS_PER_S, from_ns
from tests.fakes import BTC_USD, MS, NOW_NS, SIM, FixedClock, no_model
from tests.recorded_books import markets, store, terms, walk
from tests.trading.services.replay.interrupted import samples_of
from tests.trading.services.stream.test_engine import InlineWriter, NoCache
from trading.dispatch import InlineDispatch
from trading.marketdata.view import BookView
from trading.models import (
    EdgeObservation,
    EvaluationCount,
    Execution,
    Fill,
    FillObservation,
    OfferedEdge,
    Opportunity,
    RecordedPage,
    Run,
)
from trading.services import execution, observing
from trading.services.recording.pages import MalformedPageError
from trading.services.recording.terms import Terms
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import replay
from trading.services.replay.source import open_source
from trading.services.stream.engine import Engine, Parts
from trading.services.venues import trading_venues

pytestmark = pytest.mark.django_db(transaction=True)

EVERY = ReplayOptions(recording="all", recorded_in=Mode.SIM)


def engine_on(clock, told, dispatch):
    """Return the stream's engine; what it writes is written at once."""
    return Engine(
        Parts(
            scope=SIM,
            clock=clock,
            view=BookView(markets(), origins=told.adapters),
            cache=NoCache(),
            writer=InlineWriter(),
            dispatch=dispatch,
            score=no_model,
            config=told.config,
            linger_ns=told.linger_ms * MS,
        )
    )


def stream(books, told):
    """Let the stream see the books, each at its instant; nobody trades."""
    clock = FixedClock(books[0].at_ns)
    engine = engine_on(clock, told, InlineDispatch())
    for seen in books:
        clock.at_ns = seen.at_ns
        engine.on_book(seen.book)
    clock.advance(told.linger_ms + 1)
    engine.tick()
    engine.finish()


@dataclass
class LateWorker:
    """A worker that takes up to so many ms before it comes to what it is asked for; every second somebody sweeps."""

    clock: FixedClock
    told: Terms
    late_ms: int
    rng: Random = field(default_factory=lambda: Random(8))
    dispatch: InlineDispatch = field(default_factory=InlineDispatch)
    asked: list[tuple[int, int]] = field(default_factory=list)
    sweep_at_ns: int = 0

    def __post_init__(self):
        self.venues = trading_venues(SIM, fees=self.told.config.fees, gas=self.told.config.gas, clock=self.clock)

    def work(self, engine):
        now_ns = self.clock.now_ns()
        self.asked += [(now_ns + self.rng.randint(0, self.late_ms) * MS, row_id) for _, row_id in self.dispatch.drain()]
        if now_ns >= self.sweep_at_ns:
            self.sweep_at_ns = now_ns + NS_PER_S
            going = Execution.objects.in_scope(SIM).exclude(state__in=EXECUTION_TERMINAL)
            self.asked += [(now_ns, row_id) for row_id in going.values_list("pk", flat=True)]
        due = sorted(one for one in self.asked if one[0] <= now_ns)
        self.asked = [one for one in self.asked if one[0] > now_ns]
        for _, row_id in due:
            execution.step(row_id, venues=self.venues, clock=self.clock)
        for request in observing.pending_requests(SIM):
            engine.fills.add(request)


def trade(books, told, *, late_ms):
    """Let the stream see the books while a worker trades on what it decides."""
    clock = FixedClock(books[0].at_ns)
    worker = LateWorker(clock, told, late_ms)
    engine = engine_on(clock, told, worker.dispatch)
    for seen in books:
        clock.at_ns = seen.at_ns
        engine.on_book(seen.book)
        worker.work(engine)
    for _ in range(400):
        clock.advance(50)
        engine.tick()
        worker.work(engine)


def settled(scope):
    fills = (
        Fill.objects.in_scope(scope)
        .order_by("id")
        .values_list("order__execution__decided_at", "order__leg", "order__attempt", "price", "quantity", "fee")
    )
    ends = Execution.objects.in_scope(scope).values_list("decided_at", "route_key", "state", "net_quote", "reason")
    return sorted(ends), sorted(fills)


def decided(scope):
    return [
        (row.timestamp, row.route_key, row.size, row.edge_bps, row.gross_edge_bps, row.books, row.costs)
        for row in Opportunity.objects.in_scope(scope).order_by("id")
    ]


def looks(scope):
    rows = EvaluationCount.objects.in_scope(scope)
    return {(row.hour, row.route_key, row.stage, row.reason): row.count for row in rows}


def curves(scope):
    at = {row.pk: row.timestamp for row in Opportunity.objects.in_scope(scope)}
    return sorted(
        (at[row.opportunity_id], row.offset_ms, str(row.net_bps))
        for row in EdgeObservation.objects.in_scope(scope)
        if row.timestamp < from_ns(NOW_NS + 25 * NS_PER_S)
    )


def test_what_the_stream_decided_is_decided_again():
    books = walk(600, seed=5)
    stream(books, terms())
    store(books)
    scope = Run.objects.get(run_id=replay((), EVERY).run_id).scope
    assert len(decided(scope)) > 2
    assert decided(scope) == decided(SIM)
    assert looks(scope) == looks(SIM)
    assert curves(scope) == curves(SIM)
    assert curves(scope)


def test_what_the_stream_sampled_is_sampled_and_labelled_again():
    books = walk(600, seed=5)
    stream(books, terms())
    store(books)
    scope = Run.objects.get(run_id=replay((), EVERY).run_id).scope
    ours, theirs = (dict(untraded(samples_of(one))) for one in (SIM, scope))
    assert ours.keys() == theirs.keys()
    assert Counter(kind for _, _, kind in ours)["near_miss"] > 2
    ended = from_ns(NOW_NS + 27 * NS_PER_S)
    labelled = [key for key in ours if key[0] < ended]
    assert [ours[key] for key in labelled] == [theirs[key] for key in labelled]
    assert all(edge is not None for *_, edge, _ in (ours[key] for key in labelled))


def untraded(samples):
    """Each sample by instant, route and kind, and what is known of it although nobody trades."""
    for at, route_key, kind, net_bps, notional_usd, features, _, edge_bps, share, _, _ in samples:
        yield (at, route_key, kind), (net_bps, notional_usd, features, edge_bps, share)


@pytest.mark.parametrize("late_ms", [0, 40, 900])
def test_workers_settle_what_the_replay_settles_however_late_they_come(late_ms):
    books = walk(500, seed=1, turns=0.15)
    trade(books, terms(), late_ms=late_ms)
    store(books)
    scope = Run.objects.get(run_id=replay((), EVERY).run_id).scope
    ends, fills = settled(scope)
    assert {state for _, _, state, _, _ in ends} >= {"settled", "unwound"}
    assert settled(SIM) == (ends, fills)


def test_an_order_meets_the_book_as_it_stood_when_its_delay_had_passed():
    books = walk(400, seed=5)
    store(books)
    scope = Run.objects.get(run_id=replay((), EVERY).run_id).scope
    for row in FillObservation.objects.in_scope(scope).filter(observed_at__isnull=False):
        last = [seen.book for seen in books if seen.book.venue == row.venue and from_ns(seen.at_ns) < row.due_at]
        assert row.book["seq"] == last[-1].seq
        assert (row.observed_at - row.due_at) < timedelta(milliseconds=100)
    assert FillObservation.objects.in_scope(scope).count() > 2


def test_recorded_terms_hold_unless_options_say_otherwise():
    store(walk(200), told=terms(paper_delay_ms=400, fee_bps="7"))
    as_recorded = replay((), EVERY).assumptions
    assert (as_recorded["latency_ms"], as_recorded["fees"]["a"]["taker_bps"]) == (400, "7")
    stated = {"a": FeeSchedule(Decimal(1), Decimal(1), source="stated")}
    other = replay((), replace(EVERY, latency_ms=90, fees=stated, min_net_bps=Decimal(3))).assumptions
    assert (other["latency_ms"], other["min_net_bps"]) == (90, "3")
    assert [other["fees"][venue]["taker_bps"] for venue in ("a", "b")] == ["1", "7"]
    with pytest.raises(BadInput, match="--fees names 'c', but what is replayed is of a, b"):
        replay((), replace(EVERY, fees={"c": stated["a"]}))


def test_what_routes_offered_is_counted_each_second():
    store(walk(400))
    result = replay((), EVERY)
    counted = OfferedEdge.objects.filter(mode="replay", run_id=result.run_id)
    assert sum(counted.values_list("count", flat=True)) == 2 * 19  # 20 s, in the first of which one book was missing


def test_a_span_takes_its_part_and_says_so():
    books = walk(400)
    store(books)
    first, last = from_ns(NOW_NS + 5 * NS_PER_S), from_ns(NOW_NS + 10 * NS_PER_S)
    source = open_source((), replace(EVERY, first=first, last=last))
    found = [instant.at_ns for instant in source.timeline.instants()]
    assert found == [seen.at_ns for seen in books if NOW_NS + 5 * NS_PER_S <= seen.at_ns < NOW_NS + 10 * NS_PER_S]
    assert (source.assumptions["from"], source.assumptions["before"]) == (first.isoformat(), last.isoformat())
    assert source.assumptions["data"][0]["books"] == 100


def test_one_recording_of_several_is_replayed_alone_and_all_in_order():
    late, early = store(walk(100, start_ns=NOW_NS + 3600 * NS_PER_S)), store(walk(100))
    alone = open_source((), replace(EVERY, recording=late.pk))
    assert [one["recording"] for one in alone.assumptions["data"]] == [late.pk]
    both = open_source((), EVERY)
    assert [one["recording"] for one in both.assumptions["data"]] == [early.pk, late.pk]
    openings = [instant.position[0] for instant in both.timeline.instants() if instant.opening is not None]
    assert openings == [early.pk, late.pk]


def test_a_new_recording_knows_nothing_of_the_books_before():
    crossed = walk(300, seed=5)
    store(crossed[:100])
    store([seen for seen in crossed[100:] if seen.book.venue == "a"])
    result = replay((), EVERY)
    assert result.summary.refused["fresh"]["no_book"] == 2 * 100 + 2  # the other side, and that of the very first book


def test_recordings_that_overlap_are_not_mixed():
    first, second = store(walk(100)), store(walk(100))
    with pytest.raises(BadInput, match=f"recordings {first.pk} and {second.pk} overlap: choose one"):
        replay((), EVERY)


def test_what_is_not_there_is_named():
    with pytest.raises(BadInput, match=r"nothing is recorded in sim: run manage\.py collect --mode sim first"):
        replay((), EVERY)
    kept = store(walk(40))
    with pytest.raises(BadInput, match="there is no recording 999 in sim"):
        replay((), replace(EVERY, recording=999))
    later = replace(EVERY, first=from_ns(NOW_NS + 3600 * NS_PER_S))
    with pytest.raises(BadInput, match=f"nothing was recorded in sim from .*: there is recording {kept.pk} from 2025"):
        replay((), later)
    empty = store(())
    with pytest.raises(BadInput, match=f"recording {empty.pk} holds no book in sim"):
        replay((), replace(EVERY, recording=empty.pk))
    assert not Run.objects.filter(mode="replay").exists()


def test_a_page_that_cannot_be_read_is_named_before_anything_is_written():
    kept = store(walk(200))
    RecordedPage.objects.filter(recording=kept, number=4).update(payload=b"nonsense")
    with pytest.raises(MalformedPageError, match=f"recording {kept.pk}, page 4"):
        replay((), EVERY)
    assert not Run.objects.filter(mode="replay").exists()


def test_one_market_alone_is_nothing_to_compare():
    told = terms()
    lots = {MarketKey("a", BTC_USD): told.config.lots[MarketKey("a", BTC_USD)]}
    kept = store(
        [seen for seen in walk(40) if seen.book.venue == "a"],
        told=replace(told, config=replace(told.config, lots=lots)),
    )
    with pytest.raises(BadInput, match=f"nothing to compare in recording {kept.pk}, which holds a:BTC/USD"):
        replay((), EVERY)


def test_books_that_came_at_one_instant_keep_their_places():
    books = walk(60)
    store([seen._replace(at_ns=books[number // 4 * 4].at_ns) for number, seen in enumerate(books)])
    timeline = open_source((), EVERY).timeline
    positions = [instant.position for instant in timeline.instants()]
    assert len(set(positions)) == 60
    left = [instant for instant in timeline.instants(positions[17]) if not instant.is_past]
    assert [instant.position for instant in left] == positions[18:]
    assert timeline.days == [from_ns(NOW_NS).date()]
