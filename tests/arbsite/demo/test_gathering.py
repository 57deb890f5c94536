"""The snapshot as the database and Redis fill it."""

import asyncio
import time
from dataclasses import replace

import pytest
import redis
import redis.asyncio
from django.conf import settings

from arbsite import config
from arbsite.demo.gathering import Gatherer, Progress, alerts_of, trading_of
from arbsite.demo.journal import Journal
from arbsite.demo.snapshot import Health
from domain.breakers import BreakerKind
from domain.market import Market
from domain.scope import Scope
from domain.timestamps import from_ns
from ops.services.alerts import alert
from risk.services import trip
from tests.fakes import ETH_USDC, NOW_NS, SIM, book, pool, pool_config, watch_chain
from tests.trading.services.conftest import Line
from trading.marketdata.keys import board_key
from trading.marketdata.price_cache import PriceCache, cache_key
from trading.marketdata.venue_teller import VenueBoardWriter
from trading.models import OpenEpisode, Order

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))
AT = from_ns(NOW_NS)


@pytest.fixture
def gatherer(db, plan) -> Gatherer:
    with redis.Redis.from_url(settings.ARB.redis_url) as client:
        client.delete(cache_key(plan.scope), board_key(plan.scope))
    return Gatherer(plan, Journal(), redis_url=settings.ARB.redis_url, started_at=AT)


def test_what_the_database_knows_of_a_trade_is_gathered(db):
    line = Line()
    line.run(line.open(*CROSSED).pk)
    found = trading_of(SIM)
    assert found.results.filled == 1
    assert found.slippage is not None
    assert found.slippage.predicted_bps == 0
    assert {light.state for light in found.breakers} == {"closed"}
    assert len(found.breakers) == len(BreakerKind)


def test_swaps_that_traded_and_that_reverted_are_counted_with_their_gas(db):
    line, dear = Line(config=pool_config()), pool(price="2050")
    states = [book("a", "1999", "2000", quantity="30", pair=ETH_USDC), dear]
    for price in ("2050", "1990"):
        opened = line.open(*states)
        OpenEpisode.objects.all().delete()
        line.step(opened.pk)
        line.clock.advance(400)
        line.observe(pool(price=price, block=dear.block + 1, at_ns=line.clock.now_ns(), seq=2))
        line.step(opened.pk)
        states = [replace(one, seen_at_ns=line.clock.now_ns()) for one in states]
    found = trading_of(SIM)
    assert (found.swaps.traded, found.swaps.reverted) == (1, 1)
    assert found.swaps.gas_usd == sum(order.gas_quote for order in Order.objects.filter(gas_quote__gt=0))


def test_a_tripped_breaker_is_a_red_light_with_its_trip_and_its_alert(db):
    trip(BreakerKind.SLIPPAGE, scope=SIM, reason="for a test", now=AT)
    lit = next(light for light in trading_of(SIM).breakers if light.kind == "slippage")
    assert (lit.state, lit.trips, lit.reason) == ("open", 1, "for a test")
    assert lit.cools_in_s is not None
    (line,) = alerts_of(SIM)
    assert line.level == "error"
    assert line.text == "Breaker slippage is open: for a test"


def test_a_snapshot_of_a_run_that_has_just_begun_is_empty_but_whole(gatherer):
    snapshot = gatherer.gather(Progress("starting", 0.0, ()))
    assert {server.health for server in snapshot.servers} == {Health.UP}
    assert snapshot.trading.funnel.seen == 0
    assert snapshot.venues == ()
    assert snapshot.first_execution_s is None


def test_why_there_is_no_chain_is_told(db, plan):
    without = replace(plan, why_no_chain="npm could not be run")
    found = Gatherer(without, Journal(), redis_url=settings.ARB.redis_url, started_at=AT)
    snapshot = found.gather(Progress("starting", 0.0, ()))
    assert not snapshot.has_chain
    assert snapshot.why_no_chain == "npm could not be run"


def test_venues_are_told_by_the_stream_through_redis(gatherer, plan):
    asyncio.run(_tell(plan.scope))
    (venue,) = [one for one in gatherer.gather(Progress("running", 1.0, ())).venues if one.name == "a"]
    assert venue.markets == 1
    assert 0 <= venue.freshest_ms < 60_000


def test_pools_are_shown_in_the_line_of_the_chain_that_the_demo_watches(gatherer, plan, settings, monkeypatch):
    before = settings.ARB
    watch_chain(settings, "ethereum", 1)
    of_the_demo, settings.ARB = settings.ARB, before
    monkeypatch.setattr(config, "current", lambda: of_the_demo)
    asyncio.run(_tell(plan.scope, pool()))
    venues = {one.name: one for one in gatherer.gather(Progress("running", 1.0, ())).venues}
    assert venues["ethereum"].markets == 1
    assert "uniswap_v2" not in venues


def test_alerts_and_what_the_demo_saw_are_one_feed_in_order_of_time(gatherer, plan):
    gatherer._journal.gone("stream", "killed", at=AT)
    alert("A breaker is open", "why", "error", key="k", scope=plan.scope)
    feed = gatherer.gather(Progress("running", 1.0, ())).feed
    assert [line.text for line in feed] == ["stream is gone: killed", "A breaker is open: why"]


async def _tell(scope: Scope, state: Market = CROSSED[0]) -> None:
    async with redis.asyncio.Redis.from_url(settings.ARB.redis_url) as client:
        cache = PriceCache(client, scope)
        cache.put(replace(state, venue_at_ns=time.time_ns(), seen_at_ns=time.time_ns()))
        await cache.flush()
        assert await VenueBoardWriter(client, scope).tell([])
