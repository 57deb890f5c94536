"""Who may watch: each partition one process, all of them by one deal, and all pairs one process alone."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from django.db import connection

from domain.errors import Refused
from domain.market import Pair
from domain.partition import WHOLE, Deal
from domain.scope import Mode, Scope
from tests.fakes import SIM
from tests.sessions import in_another_session, other_sessions, wait_for_the_end_of
from trading.services.stream.watch_lock import hold_watch, name_of, take_watch, watched_otherwise

pytestmark = pytest.mark.django_db

PAIRS = tuple(map(Pair.parse, ("BTC/USD", "ETH/USD", "SOL/USD")))
HALF, OTHER_HALF = Deal(PAIRS, 2).shares()
THIRD = Deal(PAIRS, 3).shares()[2]
ELSEWISE = Deal(PAIRS[::-1], 2).shares()[1]  # as many partitions of the same pairs, and yet another deal


@asynccontextmanager
async def watching(scope, share=WHOLE):
    """Watch for the time of the block; when it ends the server has let the watch go."""
    session = await take_watch(scope, share)
    try:
        yield session
    finally:
        await lost(session)


@pytest.fixture(autouse=True)
def _nobody_watches_any_more(db):
    """Leave the next test no session that the server is still to end."""
    beside = other_sessions()
    yield
    wait_for_the_end_of(*other_sessions() - beside)


async def lost(watch):
    """Return a watch whose session has ended, for us and for the server."""
    pid = watch.info.backend_pid
    await watch.close()
    await asyncio.to_thread(in_another_session, lambda: wait_for_the_end_of(pid))
    return watch


async def test_partitions_are_watched_side_by_side_and_each_by_one_process():
    async with watching(SIM, HALF), watching(SIM, OTHER_HALF):
        with pytest.raises(Refused, match=r"another process watches partition 2 of 2 of sim.test already"):
            await take_watch(SIM, OTHER_HALF)
        async with watching(Scope(Mode.DRY_RUN), OTHER_HALF):
            pass
    async with watching(SIM, OTHER_HALF):
        pass


@pytest.mark.parametrize("share", [THIRD, ELSEWISE, WHOLE], ids=str)
async def test_who_shares_the_pairs_otherwise_is_refused_by_name(share):
    async with watching(SIM, HALF):
        with pytest.raises(
            Refused, match=f"^{share} of sim.test cannot be watched beside partition 1 of 2: .* stop every"
        ):
            await take_watch(SIM, share)
    async with watching(SIM, share):
        with pytest.raises(Refused, match=f"^partition 1 of 2 of sim.test cannot be watched beside {share}"):
            await take_watch(SIM, HALF)
    async with watching(SIM, HALF):
        pass


async def test_of_many_that_come_at_once_with_two_deals_one_deal_alone_gets_in():
    wanted = [*Deal(PAIRS, 2).shares(), *Deal(PAIRS, 3).shares(), WHOLE]
    came = await asyncio.gather(*(take_watch(SIM, share) for share in wanted), return_exceptions=True)
    let_in = [share for share, session in zip(wanted, came, strict=True) if not isinstance(session, Refused)]
    try:
        assert let_in and len({share.deal.fingerprint for share in let_in}) == 1
        assert let_in == list(let_in[0].deal.shares()) or let_in == [WHOLE]
    finally:
        for session in came:
            if not isinstance(session, BaseException):
                await session.close()


async def told(scope, deal):
    """Return who is said to share the pairs otherwise, from a session of its own."""

    def ask():
        try:
            return watched_otherwise(scope, deal)
        finally:
            connection.close()

    return await asyncio.to_thread(ask)


async def test_whoever_decides_beside_streams_is_told_which_of_them_share_the_pairs_otherwise():
    async with watching(SIM, OTHER_HALF):
        assert await told(SIM, HALF.deal) == [] and await told(Scope(Mode.DRY_RUN), THIRD.deal) == []
        assert await told(SIM, THIRD.deal) == await told(SIM, Deal(PAIRS, 1)) == ["partition 2 of 2"]
    async with watching(SIM):
        assert await told(SIM, HALF.deal) == []  # all pairs are watched, whatever their deal


@pytest.fixture
def looks_often(monkeypatch):
    monkeypatch.setattr("trading.services.stream.watch_lock.LOOK_EVERY_S", 0.02)


async def until_half_is_held(holding):
    for _ in range(1_000):
        if await told(SIM, THIRD.deal) == ["partition 1 of 2"]:  # by a look: one that tried it would hold it
            return
        assert not holding.done()
        await asyncio.sleep(0.02)
    pytest.fail("nobody took the watch again")


async def test_a_lost_watch_is_taken_again_as_what_it_was(looks_often):
    holding = asyncio.ensure_future(hold_watch(SIM, await lost(await take_watch(SIM, HALF)), HALF))
    await until_half_is_held(holding)
    async with watching(SIM, OTHER_HALF):  # by the same deal
        pass
    holding.cancel()
    await asyncio.wait({holding})
    assert holding.cancelled() and name_of(SIM, HALF) != name_of(SIM, OTHER_HALF) != name_of(SIM)


async def test_a_lost_watch_that_the_server_has_not_ended_yet_is_waited_for(looks_often, monkeypatch):
    monkeypatch.setattr("trading.services.stream.watch_lock.LINGERS_LOOKS", 1_000)  # a busy server takes its time
    refused = asyncio.Event()

    async def take_or_tell(*told):
        try:
            return await take_watch(*told)
        except Refused:
            refused.set()
            raise

    monkeypatch.setattr("trading.services.stream.watch_lock.take_watch", take_or_tell)
    watch = await lost(await take_watch(SIM, HALF))
    async with watching(SIM, HALF):  # as the session that was lost, seen by the server
        holding = asyncio.ensure_future(hold_watch(SIM, watch, HALF))
        await refused.wait()
    await until_half_is_held(holding)
    holding.cancel()
    await asyncio.wait({holding})


async def test_a_lost_watch_that_another_has_taken_is_its_own(looks_often):
    watch = await lost(await take_watch(SIM, HALF))
    async with watching(SIM, HALF):
        with pytest.raises(Refused, match="another process watches partition 1 of 2"):
            await hold_watch(SIM, watch, HALF)
