"""Scans: the same decide and commit as the stream's, from the price cache, by REST what it lacks, never two at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
import redis
from django.conf import settings as django_settings

from domain.market import Book, MarketKey, Pair
from domain.terms import Lot
from domain.timestamps import from_ns
from mlops.models import Sample
from ops.locks import advisory
from tests.fakes import BTC_USD, NOW_NS, SIM, FixedClock, book
from tests.sessions import in_another_session
from tests.trading.services.stream.doubles import FREE
from trading.dispatch import InlineDispatch
from trading.marketdata.price_cache import cache_key, encode, field_of
from trading.models import EvaluationCount, Execution, OpenEpisode, Opportunity
from trading.services.reference import of_listings, record
from trading.services.scan import scan, shares
from trading.services.stream.watch_lock import name_of
from trading.venues.base import Listing
from trading.venues.rest_books import Reading

pytestmark = pytest.mark.django_db

LOT = Lot(Decimal("0.0001"), Decimal("0.0001"), Decimal(1), Decimal("0.01"))
KRAKEN, ALPACA = MarketKey("kraken", BTC_USD), MarketKey("alpaca", BTC_USD)
S = 10**9


class FakeConnections:
    """Redis as it is; venues that answer what they are told."""

    def __init__(self, client: "redis.Redis") -> None:
        self.redis = client
        self.chains = ()
        self.answers: dict[str, Sequence[Book]] = {}
        self.asked: list[Mapping[str, Sequence[Pair]]] = []

    def read(self, wanted: Mapping[str, Sequence[Pair]]) -> list[Reading]:
        self.asked.append(wanted)
        return [
            Reading(venue, tuple(self.answers[venue]))
            if venue in self.answers
            else Reading(venue, refused=dict.fromkeys(pairs, "HTTP 503"), error="HTTP 503")
            for venue, pairs in wanted.items()
        ]


@pytest.fixture
def connections(settings) -> Iterator[FakeConnections]:
    arb = django_settings.ARB
    trading = replace(arb.trading, fees={"kraken": FREE, "alpaca": FREE}, min_net_bps=Decimal(0))
    settings.ARB = replace(arb, pairs=(BTC_USD,), trading=trading)
    statements = [
        one for key in (KRAKEN, ALPACA) for one in of_listings(key.venue, [Listing(BTC_USD, LOT, "x")], source="test")
    ]
    record(statements, scope=SIM, now=from_ns(NOW_NS))
    client = redis.Redis.from_url(django_settings.ARB.redis_url)
    client.delete(cache_key(SIM))
    yield FakeConnections(client)
    client.delete(cache_key(SIM))
    client.close()


@pytest.fixture
def streamed(monkeypatch) -> None:
    """A stream watches this scope."""
    monkeypatch.setattr(shares, "is_held", lambda name: name == name_of(SIM))


def cache(connections: FakeConnections, *books: Book) -> None:
    for one in books:
        connections.redis.hset(cache_key(SIM), field_of(MarketKey(one.venue, one.pair)), encode(one))


def look(connections, *, at_s: float = 0):
    clock = FixedClock(NOW_NS + int(at_s * S))
    return scan(SIM, clock=clock, dispatch=InlineDispatch(), connections=connections)


def crossed(at_s: float = 0) -> tuple[Book, Book]:
    at_ns = NOW_NS + int(at_s * S)
    return book("kraken", "99.9", "100", at_ns=at_ns), book("alpaca", "101", "101.1", at_ns=at_ns)


def calm(at_s: float = 0) -> tuple[Book, Book]:
    at_ns = NOW_NS + int(at_s * S)
    return book("kraken", "99.9", "100", at_ns=at_ns), book("alpaca", "99.8", "100.1", at_ns=at_ns)


def test_what_pays_in_the_cache_is_committed_and_no_venue_is_asked(connections, streamed):
    cache(connections, *crossed())
    found = look(connections)
    (one,) = found.opportunities
    assert (one.route_key, one.outcome) == ("kraken:BTC/USD>alpaca:BTC/USD", "admitted")
    assert Execution.objects.get(pk=one.execution_id).route_key == one.route_key
    assert (found.markets, found.by_rest, connections.asked) == (2, 0, [])
    assert {route.outcome for route in found.routes} == {"admitted", "not_crossed"}


def test_without_a_stream_nothing_is_traded_and_the_reason_is_stored(connections):
    cache(connections, *crossed())
    (one,) = look(connections).opportunities
    assert one.outcome == "no_stream" and not Execution.objects.exists()
    assert Opportunity.objects.get().reason == "no_stream"
    assert EvaluationCount.objects.get(reason="no_stream").stage == "score"


def test_a_market_that_no_stream_shows_is_asked_for(connections, streamed):
    cheap, dear = crossed()
    cache(connections, cheap)
    connections.answers["alpaca"] = [dear]
    found = look(connections)
    assert connections.asked == [{"alpaca": (BTC_USD,)}]
    assert found.by_rest == 1 and len(found.opportunities) == 1


def test_an_old_book_in_the_cache_is_no_book(connections, streamed):
    cache(connections, *crossed())
    found = look(connections, at_s=5)
    assert found.markets == 0 and found.opportunities == ()
    assert found.missing == {"kraken:BTC/USD": "HTTP 503", "alpaca:BTC/USD": "HTTP 503"}


def test_without_redis_every_book_is_asked_for_and_it_says_so(connections, streamed):
    connections.redis = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    cheap, dear = crossed()
    connections.answers = {"kraken": [cheap], "alpaca": [dear]}
    found = look(connections)
    assert "price cache does not answer" in found.cache_problem
    assert found.by_rest == 2 and len(found.opportunities) == 1
    connections.redis = redis.Redis.from_url(django_settings.ARB.redis_url)


def test_an_episode_that_is_open_is_not_doubled(connections, streamed):
    cache(connections, *crossed())
    look(connections)
    cache(connections, *crossed(1))
    (again,) = look(connections, at_s=1).opportunities
    assert again.outcome == "episode_open"
    assert Opportunity.objects.count() == Execution.objects.count() == 1


def test_an_episode_ends_once_scans_have_not_seen_it_pay_for_a_while(connections, streamed):
    cache(connections, *crossed())
    look(connections)
    cache(connections, *crossed(6))
    look(connections, at_s=6)
    for at_s in (11, 16, 21):
        cache(connections, *calm(at_s))
        look(connections, at_s=at_s)
        assert OpenEpisode.objects.count() == 1
    cache(connections, *calm(22))
    look(connections, at_s=22)
    assert not OpenEpisode.objects.exists()
    assert Opportunity.objects.get().closed_at == from_ns(NOW_NS + 6 * S)


def test_markets_that_cannot_be_seen_end_no_episode(connections, streamed):
    cache(connections, *crossed())
    look(connections)
    look(connections, at_s=60)
    assert OpenEpisode.objects.count() == 1


def test_before_any_venue_stated_its_pairs_nothing_is_scanned(connections, settings):
    settings.ARB = replace(django_settings.ARB, pairs=(Pair.parse("SOL/USD"),))
    assert look(connections).skipped == "no venue has stated its pairs yet"
    assert connections.asked == []


@pytest.mark.django_db(transaction=True)
def test_two_scans_never_run_at_once(connections):
    with advisory(f"scan:{SIM}") as is_ours:
        assert is_ours
        found = in_another_session(lambda: look(connections))
    assert found.skipped == "another scan is under way"
    assert not EvaluationCount.objects.exists()


def test_a_torn_book_in_the_cache_is_named_and_the_rest_goes_on(connections, streamed):
    cheap, dear = crossed()
    cache(connections, cheap)
    connections.redis.hset(cache_key(SIM), field_of(ALPACA), b'{"venue"')
    connections.answers["alpaca"] = [dear]
    assert len(look(connections).opportunities) == 1


def near(at_s: float = 0) -> tuple[Book, Book]:
    """Fees of nothing and equal prices, but for the smallest of edges, which does not clear 5 bps."""
    at_ns = NOW_NS + int(at_s * S)
    return book("kraken", "99.9", "100", at_ns=at_ns), book("alpaca", "100.01", "100.1", at_ns=at_ns)


@pytest.fixture
def choosy(connections, settings) -> FakeConnections:
    """Nothing below 5 bps is traded, and what is less than 10 bps short of that is near."""
    trading = replace(settings.ARB.trading, min_net_bps=Decimal(5), near_miss_bps=Decimal(10))
    settings.ARB = replace(settings.ARB, trading=trading)
    return connections


def test_near_misses_are_left_to_the_stream_which_alone_looks_at_them_again(choosy):
    cache(choosy, *near())
    look(choosy)
    assert not Sample.objects.exists()


def test_every_look_at_a_route_is_counted_once(connections, streamed):
    cache(connections, *calm())
    look(connections)
    assert sorted(EvaluationCount.objects.values_list("reason", "count")) == [("not_crossed", 1)] * 2
