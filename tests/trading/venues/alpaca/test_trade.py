"""Alpaca's account and listings through alpaca-py, over the double."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
import requests
from aiohttp import web

from domain.errors import ArbError, OutcomeUnknown, Refused, Unreachable
from domain.market import Pair
from domain.secret import Credentials, Secret
from simulator.accounts import ALPACA_BALANCES, ALPACA_READ
from simulator.faults import Channel, Fault, FaultKind
from simulator.server import Doubles
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues.alpaca.trade import AlpacaAccount, translated

READ_KEYS = Credentials(Secret(ALPACA_READ.key), Secret(ALPACA_READ.secret))


def account_at(url: str, keys: Credentials = READ_KEYS) -> AlpacaAccount:
    return AlpacaAccount(url, keys, clock=SYSTEM_CLOCK, timeout_s=60.0)


async def test_listings_keep_their_steps(doubles: Doubles) -> None:
    listings = await asyncio.to_thread(account_at(doubles.urls.alpaca_trading).listings)
    btc = next(listing for listing in listings if listing.pair == Pair.parse("BTC/USD"))
    assert (btc.lot.tick, btc.lot.min_quantity, btc.is_tradable) == (Decimal("0.1"), Decimal("0.00005"), True)


async def test_balances_are_what_the_account_says_and_fees_are_not_guessed(doubles: Doubles) -> None:
    account = await asyncio.to_thread(account_at(doubles.urls.alpaca_trading).account)
    assert dict(account.balances) == dict(ALPACA_BALANCES)
    assert account.fees is None


async def test_a_wrong_secret_is_refused_and_never_shown(doubles: Doubles) -> None:
    keys = Credentials(Secret(ALPACA_READ.key), Secret("planted"))
    with pytest.raises(Refused) as caught:
        await asyncio.to_thread(account_at(doubles.urls.alpaca_trading, keys).account)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    "kind", [FaultKind.RATE_LIMIT, FaultKind.SERVER_ERROR, FaultKind.HTML, FaultKind.TRUNCATED, FaultKind.DISCONNECT]
)
async def test_a_venue_in_trouble_is_unreachable(doubles: Doubles, kind: FaultKind) -> None:
    doubles.faults.add(Fault(kind, "alpaca", 0.0, 3600.0, channel=Channel.REST))
    account = account_at(doubles.urls.alpaca_trading)
    for ask in (account.account, account.listings):
        with pytest.raises(Unreachable):
            await asyncio.to_thread(ask)


@pytest.mark.parametrize("status", [429, 504])
async def test_the_library_never_asks_twice_by_itself(status: int) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, text="{}")

    await _with_server(answer, lambda url: asyncio.to_thread(_fail_to_list, url))
    assert asked == ["/v2/assets"]


async def test_a_venue_that_never_answers_is_given_up() -> None:
    released = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async def ask(url: str) -> None:
        await asyncio.to_thread(_fail_to_list, url, within_s=0.5)
        released.set()

    await _with_server(answer, ask)
    assert released.is_set()


def _fail_to_list(url: str, *, within_s: float = 60.0) -> None:
    with pytest.raises(Unreachable):
        AlpacaAccount(url, READ_KEYS, clock=SYSTEM_CLOCK, timeout_s=within_s).listings()


async def _with_server(
    answer: Callable[[web.Request], Awaitable[web.Response]], act: Callable[[str], Awaitable[None]]
) -> None:
    app = web.Application()
    app.router.add_get("/v2/assets", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        await act(f"http://{host}:{port}")
    finally:
        await runner.cleanup()


def _api_error(status: int) -> Exception:
    from alpaca.common.exceptions import APIError

    response = requests.Response()
    response.status_code = status
    return APIError('{"message": "x"}', requests.HTTPError(response=response))


@pytest.mark.parametrize(
    ("error", "read", "act"),
    [
        (_api_error(403), Refused, Refused),
        (_api_error(422), Refused, Refused),
        (_api_error(429), Unreachable, Unreachable),
        (_api_error(504), Unreachable, OutcomeUnknown),
        (requests.ReadTimeout("timed out"), Unreachable, OutcomeUnknown),
        (KeyError("cash"), Unreachable, OutcomeUnknown),
    ],
)
def test_an_error_means_what_its_catcher_must_do(error: Exception, read: type[ArbError], act: type[ArbError]) -> None:
    assert type(translated(error, is_read=True)) is read
    assert type(translated(error, is_read=False)) is act
