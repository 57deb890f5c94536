"""The stream's heart, without sockets: books in, rows out."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest

from domain.errors import BadMarketData
from domain.market import MarketKey, Pair
from domain.timestamps import from_ns
from mlops.models import Sample
from tests.fakes import (
    BTC_USD,
    ETH_USDC,
    MS,
    NOW_NS,
    POOL_VENUE,
    SIM,
    FixedClock,
    book,
    detect_config,
    no_model,
    pool,
    pool_config,
)
from trading.dispatch import InlineDispatch
from trading.marketdata.view import BookView
from trading.models import (
    EdgeObservation,
    EvaluationCount,
    Execution,
    FillObservation,
    MarketSnapshot,
    OfferedEdge,
    OpenEpisode,
)
from trading.services import observing
from trading.services.offers import OfferSampler
from trading.services.stream.engine import Engine, Parts


class InlineWriter:
    """A writer that writes at once."""

    def __init__(self):
        self.is_full = False

    def submit(self, name, job):
        if not self.is_full:
            job()
        return not self.is_full


class NoCache:
    def put(self, book):
        pass


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def engine(db, clock):
    parts = Parts(
        scope=SIM,
        clock=clock,
        view=BookView([MarketKey("a", BTC_USD), MarketKey("b", BTC_USD)]),
        cache=NoCache(),
        writer=InlineWriter(),
        dispatch=InlineDispatch(),
        score=no_model,
        config=detect_config(),
        linger_ns=1000 * MS,
    )
    return Engine(parts)


def show(engine, clock, *, a=("99.9", "100"), b=("101", "101.1")):
    seq = clock.now_ns()
    engine.on_book(book("a", *a, at_ns=clock.now_ns(), seq=seq))
    engine.on_book(book("b", *b, at_ns=clock.now_ns(), seq=seq + 1))


def test_a_difference_that_pays_becomes_one_execution_however_often_the_books_change(engine, clock):
    for _ in range(5):
        show(engine, clock)
        clock.advance(10)
    assert Execution.objects.count() == OpenEpisode.objects.count() == 1


def test_the_episode_closes_when_the_difference_is_gone(engine, clock):
    show(engine, clock)
    clock.advance(100)
    show(engine, clock, b=("99.9", "100.1"))
    clock.advance(1001)
    engine.tick()
    assert not OpenEpisode.objects.exists()


def test_an_order_meets_the_book_as_it_stood_at_its_due_time_not_the_latest(engine, clock):
    show(engine, clock)
    for request in observing.pending_requests(SIM):
        engine.fills.add(request)
    clock.advance(200)
    show(engine, clock, b=("100.9", "101"))
    clock.advance(200)
    show(engine, clock, b=("100.1", "101"))
    engine.tick()
    met = FillObservation.objects.get(venue="b").book
    assert met["bids"][0][0] == "100.9"


def test_an_order_whose_market_went_silent_meets_no_book(engine, clock):
    show(engine, clock)
    for request in observing.pending_requests(SIM):
        engine.fills.add(_due_at(request, NOW_NS + 5000 * MS))
    clock.advance(5000)
    engine.tick()
    assert not FillObservation.objects.filter(observed_at__isnull=False).exists()


def _due_at(request, due_ns):
    return observing.FillRequest(request.order_id, request.market, request.side, due_ns)


NEAR = ("100.1", "100.2")  # 10 bps before fees of 20


@pytest.fixture
def sampling(engine, clock):
    """The same, with samples of what falls short by less than 15 bps."""
    return Engine(replace(engine._parts, config=replace(detect_config(), near_miss_bps=Decimal(15))))


def test_a_difference_that_nearly_pays_is_sampled_once_a_spell_and_labelled_after_the_delay(sampling, clock):
    for _ in range(4):
        show(sampling, clock, b=NEAR)
        clock.advance(100)
    sampling.tick()
    sample = Sample.objects.get()
    assert (sample.kind, sample.timestamp) == ("near_miss", from_ns(NOW_NS))
    assert (sample.edge_at_latency_bps, sample.fillable_share_at_latency) == (pytest.approx(-10.01), 0.0)
    clock.advance(1_000)
    show(sampling, clock, b=NEAR)
    assert Sample.objects.count() == 2
    assert not Execution.objects.exists() and not OpenEpisode.objects.exists()


def test_what_was_near_and_then_pays_is_both_and_what_paid_and_is_near_one(sampling, clock):
    show(sampling, clock, b=NEAR)
    clock.advance(100)
    show(sampling, clock)
    clock.advance(100)
    show(sampling, clock, b=NEAR)
    assert sorted(Sample.objects.values_list("kind", flat=True)) == ["near_miss", "opportunity"]


def test_a_watch_that_only_tells_samples_nothing(sampling, clock):
    quiet = Engine(replace(sampling._parts, trades=False))
    show(quiet, clock, b=NEAR)
    assert not Sample.objects.exists()


def test_near_misses_are_no_cost_to_books_that_are_not_near(sampling, clock, monkeypatch):
    monkeypatch.setattr("trading.services.pipeline.near_miss_of", lambda *args, **told: pytest.fail("reckoned"))
    show(sampling, clock, b=("99.9", "100.1"))
    clock.advance(50)
    show(sampling, clock, b=("100.04", "100.2"))
    assert not Sample.objects.exists()


def test_looks_snapshots_and_decay_are_written_as_time_passes(engine, clock):
    show(engine, clock)
    engine.tick()
    clock.advance(3000)
    engine.tick()
    assert EvaluationCount.objects.count() > 0
    assert set(MarketSnapshot.objects.values_list("venue", flat=True)) == {"a", "b"}
    assert EdgeObservation.objects.count() == 5


def test_a_book_that_the_view_refuses_changes_nothing(engine, clock):
    show(engine, clock)
    with pytest.raises(BadMarketData):
        engine.on_book(book("b", "105", "104", at_ns=clock.now_ns() + 1, seq=clock.now_ns() + 9))
    assert Execution.objects.count() == 1


def test_a_full_writer_drops_the_decision_and_the_stream_goes_on(engine, clock):
    engine._parts.writer.is_full = True
    show(engine, clock)
    engine.tick()
    assert Execution.objects.count() == 0


def test_what_was_counted_since_the_last_time_is_handed_over_at_the_end(engine, clock):
    engine.tick()
    show(engine, clock)
    assert not EvaluationCount.objects.exists()

    engine.finish()
    assert EvaluationCount.objects.exists()


def test_a_snapshot_of_a_pool_holds_its_prices_after_its_fee_and_the_value_of_its_slices(db, clock):
    config = pool_config()
    view = BookView(config.lots, pools=config.gas)
    state = pool(price="2000")
    parts = Parts(
        scope=SIM,
        clock=clock,
        view=view,
        cache=NoCache(),
        writer=InlineWriter(),
        dispatch=InlineDispatch(),
        score=no_model,
        config=config,
        linger_ns=1000 * MS,
        offers=OfferSampler(every_ns=1, max_age_ms=2000, max_skew_ms=1000),
    )
    engine = Engine(parts)
    engine.on_book(state)
    engine.on_book(book("a", "2040", "2041", quantity="1", pair=ETH_USDC))
    engine.tick()
    row = MarketSnapshot.objects.get(venue=POOL_VENUE)
    assert row.bid < 2000 < row.ask
    assert 0 < row.bid_depth_usd < 500 * 2000
    assert Execution.objects.count() == 1
    engine.finish()
    assert OfferedEdge.objects.filter(route_key=f"{POOL_VENUE}:ETH/USDC>a:ETH/USDC", tenth_bps__gt=0).exists()


def test_what_another_stream_decides_on_is_seen_here_and_neither_traded_nor_told_on(db, clock):
    ours, theirs = ([MarketKey(venue, Pair.parse(symbol)) for venue in "ab"] for symbol in ("BTC/USD", "ETH/USD"))
    cached = []
    parts = Parts(
        scope=SIM,
        clock=clock,
        view=BookView([*ours, *theirs], only_read=frozenset(theirs)),
        cache=SimpleNamespace(put=cached.append),
        writer=InlineWriter(),
        dispatch=InlineDispatch(),
        score=no_model,
        config=detect_config(),
        linger_ns=1000 * MS,
        offers=OfferSampler(every_ns=1, max_age_ms=2000, max_skew_ms=2000),
    )
    engine = Engine(parts)
    for key in (*theirs, *ours):
        crossed = ("99.9", "100") if key.venue == "a" else ("101", "101.1")
        engine.on_book(replace(book(key.venue, *crossed, at_ns=clock.now_ns()), pair=key.pair))
    engine.tick()
    engine.finish()
    assert {one.pair.symbol for one in cached} == {"BTC/USD"}
    assert set(MarketSnapshot.objects.values_list("symbol", flat=True)) == {"BTC/USD"}
    keys = {"a:BTC/USD>b:BTC/USD", "b:BTC/USD>a:BTC/USD"}
    for rows in (EvaluationCount, OfferedEdge):
        assert set(rows.objects.values_list("route_key", flat=True)) == keys
    assert [one.symbol for one in Execution.objects.all()] == ["BTC/USD"]
    assert len(parts.view.books()) == 4
