"""How old the data of each venue is: the newest of its cached books says so."""

from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.conf import settings

from arbsite.data_ages import cached_ages_ms
from domain.scope import Mode, Scope
from domain.timestamps import to_ns
from trading.marketdata.price_cache import cache_key

SCOPE = Scope(Mode.SIM, "data-ages-test")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def server():
    client = redis.Redis.from_url(settings.ARB.redis_url)
    client.delete(cache_key(SCOPE))
    yield client
    client.delete(cache_key(SCOPE))
    client.close()


def _seen(at: datetime) -> str:
    return f'{{"seen_at_ns":{to_ns(at)}}}'


def test_a_venue_is_as_old_as_its_newest_book(server):
    books = {"kraken|BTC/USD": NOW - timedelta(seconds=3), "kraken|ETH/USD": NOW - timedelta(milliseconds=40)}
    server.hset(cache_key(SCOPE), mapping={field: _seen(at) for field, at in books.items()})
    assert cached_ages_ms(server, SCOPE, NOW) == {"kraken": 40}


def test_a_book_that_came_while_the_page_asked_is_new_and_of_no_negative_age(server):
    server.hset(cache_key(SCOPE), "kraken|BTC/USD", _seen(NOW + timedelta(milliseconds=64)))
    assert cached_ages_ms(server, SCOPE, NOW) == {"kraken": 0}
