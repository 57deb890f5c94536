"""Collecting from the doubles over real sockets into the real database."""

import asyncio
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from domain.errors import ArbError, Refused, Unreachable
from domain.execution import EXECUTION_TERMINAL
from domain.scope import Mode, Scope
from domain.timestamps import NS_PER_MS, from_ns
from simulator.instruments import DEFAULT_PAIRS
from tests.fakes import no_model
from tests.sessions import in_another_session, wait_for_the_end_of
from tests.trading.services.stream.doubles import doubles_in_thread, settings_for
from trading.dispatch import InlineDispatch
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.marketdata.view import BookView
from trading.models import (
    EvaluationCount,
    Execution,
    MarketVolatility,
    OfferedEdge,
    Opportunity,
    RecordedHour,
    Recording,
)
from trading.services.collect.run import collect, look_once
from trading.services.recording.pages import Learnt
from trading.services.recording.source import connect_to, events, recordings
from trading.services.reference.terms import account_sources
from trading.services.stream.engine import Engine, Parts
from trading.services.stream.watch_lock import conninfo, take_watch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

SCOPE = Scope(Mode.SIM)
PAIRS = tuple(pair for pair in DEFAULT_PAIRS if pair.quote.symbol == "USD")


class Notes:
    """A teller that keeps what it is told."""

    def __init__(self) -> None:
        self.decisions, self.failures, self.connections, self.beats_heard, self.watched = [], [], [], [], []
        self.on_decision = lambda count: None

    def asks(self, venues): ...

    def lists(self, venue, pairs, missing): ...

    def watches(self, markets):
        self.watched.append(markets)

    def fails(self, venue: str, error: ArbError, *, is_final: bool):
        self.failures.append((venue, str(error), is_final))

    def connects(self, status, reason):
        self.connections.append((status.feed.venue, status.is_connected))

    def decides(self, decision):
        self.decisions.append(decision)
        self.on_decision(len(self.decisions))

    def beats(self, figures):
        self.beats_heard.append(figures)


def stop_once_all_have(count: int):
    """Press Ctrl-C once every venue has sent so many books."""

    def look(figures):
        if len(figures.venues) == 2 and all(one.books >= count for one in figures.venues):
            signal.raise_signal(signal.SIGINT)

    return look


@pytest.fixture(scope="module", autouse=True)
def sdks():
    """Take the venues' libraries in beforehand: it takes longer than all these tests."""
    account_sources(clock=SYSTEM_CLOCK)


@pytest.fixture
def doubles(settings):
    with doubles_in_thread(PAIRS) as urls:
        settings.ARB = settings_for(urls, PAIRS)
        yield urls


class Nowhere:
    """A writer, a cache: whatever is handed over is let go."""

    def submit(self, name, job):
        return True

    def put(self, book):
        pass


class Still:
    def __init__(self):
        self.at_ns = 0

    def now_ns(self):
        return self.at_ns


def decided_again() -> list[tuple]:
    """Live through every recording once more and return each decision that begins an episode."""
    found = []
    with connect_to(Mode.SIM) as source:
        for info in recordings(source, mode=Mode.SIM):
            terms, clock = info.terms, Still()
            engine = Engine(
                Parts(
                    scope=SCOPE,
                    clock=clock,
                    view=BookView(terms.markets, origins=terms.adapters),
                    cache=Nowhere(),
                    writer=Nowhere(),
                    dispatch=InlineDispatch(),
                    score=no_model,
                    config=terms.config,
                    linger_ns=terms.linger_ms * NS_PER_MS,
                    tell=lambda decision: found.append(_told(decision)),
                )
            )
            for event in events(source, info):
                if isinstance(event, Learnt):
                    engine.learn(event.context)
                else:
                    clock.at_ns = event.at_ns
                    engine.on_book(event.book)
    return found


def _told(decision) -> tuple:
    candidate = decision.candidate
    shown = repr(candidate.markets), repr(candidate.features)
    return candidate.route.key, decision.decided_at_ns, candidate.size, candidate.net_bps, *shown


def tell_of_volatility(*, annual: float) -> None:
    """Write what the volatility job would of each pair."""
    now, figures = from_ns(SYSTEM_CLOCK.now_ns()), {"volatility_1h": annual, "volume_24h": 1e6 * annual}
    for pair in PAIRS:
        row = {"timestamp": now, "venue": "kraken", "symbol": pair.symbol, **figures}
        MarketVolatility.objects.create(**SCOPE.columns, **row)


def ended() -> bool:
    return Execution.objects.filter(state__in=EXECUTION_TERMINAL).exists()


def test_what_is_collected_replays_to_the_decisions_that_were_made_and_nothing_is_lost(doubles, monkeypatch):
    notes = Notes()
    monkeypatch.setattr("trading.services.collect.collection.BEAT_EVERY_S", 0.2)

    def stop_once_one_has_ended(figures):
        if len(notes.decisions) >= 6 and in_another_session(ended):
            signal.raise_signal(signal.SIGINT)

    notes.beats = stop_once_one_has_ended
    tell_of_volatility(annual=0.5)
    figures = collect(SCOPE, clock=SYSTEM_CLOCK, teller=notes)
    assert len(notes.decisions) >= 6
    assert 0.5 in {decision.candidate.features.as_dict()["volatility_1h"] for decision in notes.decisions}
    assert decided_again() == [_told(decision) for decision in notes.decisions]
    committed = Opportunity.objects.order_by("id").values_list("route_key", "timestamp")
    assert list(committed) == [(key, from_ns(at_ns)) for key, at_ns, *_ in decided_again()]
    assert figures.recorded.written == figures.recorded.seen == figures.updates > 20
    assert (figures.recorded.lost, figures.dropped, figures.failed) == (0, 0, 0)
    assert sum(RecordedHour.objects.values_list("updates", flat=True)) == figures.updates
    row = Recording.objects.get()
    assert (row.process, row.updates, row.ended_at is not None) == ("collect", figures.updates, True)
    assert figures.executions.keys() & EXECUTION_TERMINAL
    assert figures.opportunities == Opportunity.objects.count()
    assert EvaluationCount.objects.exists()
    assert OfferedEdge.objects.exists()
    hours = Counter(RecordedHour.objects.values_list("venue", flat=True))  # two where the hour turned meanwhile
    assert {one.venue: one.hours_with_data for one in figures.coverage} == hours and set(hours) == {"kraken", "alpaca"}
    assert json.loads(json.dumps(figures.as_json()))["recorded"]["bytes_per_update"] < 300


def test_a_book_that_is_asked_for_at_a_pace_is_recorded_as_such_and_replays_too(doubles, settings, monkeypatch):
    settings.ARB = settings_for(doubles, PAIRS, has_key=False)
    notes = Notes()
    monkeypatch.setattr("trading.services.collect.collection.BEAT_EVERY_S", 0.2)
    notes.beats = stop_once_all_have(40)
    figures = collect(SCOPE, clock=SYSTEM_CLOCK, teller=notes)
    pace = {one.venue: one.polled_every_ms for one in figures.venues}
    assert pace == {"kraken": None, "alpaca": 100}
    assert decided_again() == [_told(decision) for decision in notes.decisions]


@contextmanager
def database_away() -> Iterator[None]:
    """Let nobody connect to the database, and end every session that is."""
    name = connection.settings_dict["NAME"]
    parameters = connection.get_connection_params() | {"dbname": "postgres"}
    server = {key: parameters[key] for key in ("host", "port", "user", "password", "dbname") if key in parameters}
    with psycopg.connect(**server, autocommit=True) as beside:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        beside.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        try:
            beside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            beside.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def test_a_database_that_is_away_for_a_while_costs_no_book_and_no_decision(doubles, monkeypatch):
    notes, outage, is_back = Notes(), threading.Event(), threading.Event()
    monkeypatch.setattr("trading.services.collect.collection.BEAT_EVERY_S", 0.5)
    connection.close()

    def go_away():
        assert outage.wait(60)
        with database_away():
            time.sleep(3)
        is_back.set()

    def stop_afterwards(figures):
        if is_back.is_set() and figures.recorded.waiting < figures.books // 2:
            signal.raise_signal(signal.SIGINT)

    notes.on_decision = lambda count: outage.set()
    away = threading.Thread(target=go_away)
    away.start()
    notes.beats = stop_afterwards
    figures = collect(SCOPE, clock=SYSTEM_CLOCK, teller=notes)
    away.join()
    assert (figures.recorded.lost, figures.recorded.waiting, figures.dropped) == (0, 0, 0)
    assert figures.recorded.written == Recording.objects.get().updates == figures.updates
    assert decided_again() == [_told(decision) for decision in notes.decisions]
    assert Opportunity.objects.count() == len(notes.decisions)
    assert sum(one.updates for one in figures.coverage) == figures.updates  # counted on a session of after the outage


async def test_a_second_process_is_refused_the_watch_in_one_sentence():
    async with await take_watch(SCOPE) as watch:
        pid = watch.info.backend_pid
        with pytest.raises(Refused, match="a stream or collect runs for sim already"):
            await take_watch(SCOPE)
        async with await take_watch(Scope(Mode.DRY_RUN)):
            pass
    await asyncio.to_thread(in_another_session, lambda: wait_for_the_end_of(pid))
    async with await take_watch(SCOPE):
        pass


def test_collect_refuses_beside_another_watch_and_writes_nothing(doubles):
    with psycopg.connect(conninfo(), autocommit=True) as other:
        from ops.locks import key_of

        other.execute("SELECT pg_advisory_lock(%s)", [key_of("watch:sim")])
        with pytest.raises(Refused, match="already"):
            collect(SCOPE, clock=SYSTEM_CLOCK, teller=Notes(), duration_s=5)
    assert not Recording.objects.exists()


def test_one_look_records_a_book_of_every_market_and_trades_nothing(doubles):
    notes = Notes()
    figures, seen = look_once(SCOPE, clock=SYSTEM_CLOCK, teller=notes)
    assert figures.books == figures.recorded.written == len(PAIRS) * 2
    assert {look.route.key for look in seen} == {
        f"{buy}:{pair}>{sell}:{pair}" for pair in PAIRS for buy, sell in (("kraken", "alpaca"), ("alpaca", "kraken"))
    }
    assert all(look.gross_bps is not None for look in seen)
    assert not Opportunity.objects.exists()
    assert decided_again() == [_told(decision) for decision in notes.decisions]


class Sleepy:
    """A venue's source that answers once it is woken."""

    def __init__(self, source):
        self._source = source
        self.is_awake = threading.Event()

    def listings(self):
        if not self.is_awake.is_set():
            raise Unreachable("it sleeps")
        return self._source.listings()


def test_a_venue_that_does_not_answer_holds_up_no_other_and_joins_once_it_does(doubles, monkeypatch):
    sources = account_sources(clock=SYSTEM_CLOCK)
    kraken = sources["kraken"] = Sleepy(sources["kraken"])
    collection = "trading.services.collect.collection"
    monkeypatch.setattr(f"{collection}.account_sources", lambda clock: sources)
    monkeypatch.setattr(f"{collection}.PATIENCE_S", 0.2)
    monkeypatch.setattr(f"{collection}.ASK_AGAIN_S", 0.2)
    monkeypatch.setattr(f"{collection}.BEAT_EVERY_S", 0.2)
    notes = Notes()

    def wake_then_stop(figures):
        books = {one.venue: one.books for one in figures.venues}
        if books.get("alpaca") and not books.get("kraken"):
            kraken.is_awake.set()
        elif books.get("kraken") and len(notes.watched) == 2:
            signal.raise_signal(signal.SIGINT)

    notes.beats = wake_then_stop
    figures = collect(SCOPE, clock=SYSTEM_CLOCK, teller=notes)
    assert notes.failures == [("kraken", "it sleeps", False)]
    assert [{market.venue for market in markets} for markets in notes.watched] == [{"alpaca"}, {"kraken", "alpaca"}]
    assert len(figures.recordings) == Recording.objects.filter(ended_at__isnull=False).count() == 2
    assert figures.recorded.written == figures.updates == sum(Recording.objects.values_list("updates", flat=True))
    assert [one.problem for one in figures.venues] == ["", ""]


def test_where_nothing_answers_nothing_is_recorded_and_the_reason_is_told(settings, monkeypatch):
    from simulator.server import Urls

    nowhere = "http://127.0.0.1:9"
    settings.ARB = settings_for(
        Urls(nowhere, "ws://127.0.0.1:9", nowhere, nowhere, "ws://127.0.0.1:9/crypto/us"), PAIRS
    )
    notes = Notes()

    def stop_once_all_failed(figures):
        if {venue for venue, *_ in notes.failures} == {"kraken", "alpaca"}:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("trading.services.collect.collection.BEAT_EVERY_S", 0.2)
    notes.beats = stop_once_all_failed
    figures = collect(SCOPE, clock=SYSTEM_CLOCK, teller=notes)
    assert (figures.books, figures.recordings) == (0, ())
    assert {one.venue for one in figures.venues if one.problem.startswith("cannot be reached")} == {"kraken", "alpaca"}
