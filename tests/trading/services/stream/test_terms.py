"""The stream's terms: read before a watch begins, and a new watch where they have changed."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from functools import partial
from types import SimpleNamespace

import pytest

from domain.costs import FeeSchedule
from domain.features import Contexts
from domain.market import MarketKey
from domain.terms import Lot
from domain.timestamps import from_ns
from tests.fakes import BTC_USD, NOW_NS, SIM, FixedClock
from trading.models import MarketVolatility
from trading.services.reference import of_account, of_listings, record
from trading.services.reference.statements import OF_ACCOUNT
from trading.services.reference.terms import Reference
from trading.services.stream import terms as stream_terms
from trading.services.stream.context import follow_context, from_rows
from trading.services.stream.terms import WatchTerms, watch_until_terms_change
from trading.services.writer import Writer
from trading.venues.base import Listing

LOT = Lot(Decimal("0.0001"), Decimal("0.0001"), Decimal(1), Decimal("0.1"))
FINER = replace(LOT, tick=Decimal("0.01"))
MARKET = MarketKey("kraken", BTC_USD)
TERMS = WatchTerms(Reference({"kraken": (BTC_USD,)}, {MARKET: LOT}), {})
FEES = FeeSchedule(Decimal(10), Decimal(20), source=f"{OF_ACCOUNT}: Kraken TradeVolume")


@pytest.fixture
def writer(settings, transactional_db):
    settings.ARB = replace(settings.ARB, pairs=(BTC_USD,))
    found = Writer()
    found.start()
    yield found
    found.stop()


def state(lot: Lot, *, fees: FeeSchedule | None = None) -> None:
    statements = of_listings("kraken", [Listing(BTC_USD, lot, "XBTUSD")], source="kraken listings")
    if fees is not None:
        statements.append(of_account("kraken", fees))
    record(statements, scope=SIM, now=from_ns(NOW_NS))


def terms_now(writer: Writer):
    return stream_terms.terms_now(TERMS, SIM, clock=FixedClock(), writer=writer)


async def in_rows(writer: Writer, change) -> None:
    await from_rows(change, writer=writer)


async def test_a_watch_goes_by_what_venues_and_accounts_state(writer):
    assert await terms_now(writer) == TERMS
    await in_rows(writer, partial(state, FINER, fees=FEES))
    found = await terms_now(writer)
    assert found.known.lots == {MARKET: FINER} and found.known.pairs == TERMS.known.pairs
    assert found.account_fees == {"kraken": FEES}


async def test_where_the_terms_change_the_watch_ends_and_the_next_goes_by_the_new_ones(writer, monkeypatch):
    monkeypatch.setattr(stream_terms, "READ_EVERY_S", 0.05)
    ended = asyncio.Event()

    async def watch() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    watching = asyncio.ensure_future(
        watch_until_terms_change(SimpleNamespace(run=watch), TERMS, SIM, clock=FixedClock(), writer=writer)
    )
    await asyncio.sleep(0.2)
    assert not watching.done()
    await in_rows(writer, partial(state, FINER))
    async with asyncio.timeout(60):
        latest = await watching
    assert ended.is_set() and latest.known.lots == {MARKET: FINER}


async def test_what_breaks_a_watch_is_not_hidden(writer):
    async def watch() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await watch_until_terms_change(SimpleNamespace(run=watch), TERMS, SIM, clock=FixedClock(), writer=writer)


async def test_the_context_of_the_models_follows_the_rows(writer):
    learnt: list[Contexts] = []
    row = {"timestamp": from_ns(NOW_NS - 10**9), "venue": "kraken", "symbol": "BTC/USD", "volatility_1h": 0.5}
    await in_rows(writer, lambda: MarketVolatility.objects.create(**SIM.columns, **row))
    following = asyncio.ensure_future(
        follow_context(learnt.append, scope=SIM, clock=FixedClock(), writer=writer, every_s=0.05)
    )
    for _ in range(1_200):
        await asyncio.sleep(0.05)
        if learnt:
            break
    following.cancel()
    assert set(learnt[0]) == {"BTC/USD"} and learnt[0]["BTC/USD"].volatility_1h == 0.5
