"""Kraken's account and listings through ccxt, over the double."""

import asyncio
from decimal import Decimal

import ccxt
import pytest

from domain.errors import ArbError, OutcomeUnknown, Refused, Unreachable
from domain.market import Pair
from domain.secret import Credentials, Secret
from simulator.accounts import KRAKEN_BALANCES, KRAKEN_READ
from simulator.faults import Channel, Fault, FaultKind
from simulator.server import Doubles
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.venues.kraken.trade import KrakenAccount, translated

PAIRS = (Pair.parse("BTC/USD"), Pair.parse("ETH/USD"))
READ_KEYS = Credentials(Secret(KRAKEN_READ.key), Secret(KRAKEN_READ.secret))


def account_at(doubles: Doubles, keys: Credentials | None = READ_KEYS) -> KrakenAccount:
    return KrakenAccount(doubles.urls.kraken_rest, keys, PAIRS, clock=SYSTEM_CLOCK, timeout_s=60.0)


async def test_listings_speak_our_symbols(doubles: Doubles) -> None:
    listings = await asyncio.to_thread(account_at(doubles, None).listings)
    found = {listing.pair: listing for listing in listings}
    assert set(PAIRS) <= set(found)
    btc = found[PAIRS[0]]
    assert (btc.lot.tick, btc.lot.min_quantity, btc.is_tradable) == (Decimal("0.1"), Decimal("0.00005"), True)


async def test_balances_and_fees_are_what_the_account_says(doubles: Doubles) -> None:
    account = await asyncio.to_thread(account_at(doubles).account)
    assert dict(account.balances) == dict(KRAKEN_BALANCES)
    assert account.fees is not None
    assert (account.fees.maker_bps, account.fees.taker_bps) == (Decimal(25), Decimal(40))


async def test_a_wrong_secret_is_refused_and_never_shown(doubles: Doubles) -> None:
    keys = Credentials(Secret(KRAKEN_READ.key), Secret("cGxhbnRlZA=="))
    with pytest.raises(Refused) as caught:
        await asyncio.to_thread(account_at(doubles, keys).account)
    assert "cGxhbnRlZA" not in str(caught.value) and caught.value.__suppress_context__


async def test_balances_without_a_key_are_refused_by_name(doubles: Doubles) -> None:
    with pytest.raises(Refused, match="KRAKEN_READ_API_KEY"):
        account_at(doubles, None).account()


@pytest.mark.parametrize("odd", ["0", "-0.1", "NaN", "1e-30", None])
async def test_a_pair_with_an_impossible_tick_is_left_out_alone(
    doubles: Doubles, odd: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = account_at(doubles, None)
    markets = await asyncio.to_thread(account._client.load_markets)
    markets["BTC/USD"]["info"]["tick_size"] = odd
    monkeypatch.setattr(account._client, "load_markets", lambda reload: markets)
    found = {listing.pair for listing in account.listings()}
    assert PAIRS[1] in found and PAIRS[0] not in found


@pytest.mark.parametrize("fee", ["150", "-1", "NaN", None])
async def test_an_impossible_fee_is_not_believed(
    doubles: Doubles, fee: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = account_at(doubles)
    told = {"result": {"fees": {"XXBTZUSD": {"fee": fee}}, "fees_maker": {}}}
    monkeypatch.setattr(account._client, "privatePostTradeVolume", lambda request: told)
    with pytest.raises(Unreachable, match="Kraken"):
        await asyncio.to_thread(account.account)


@pytest.mark.parametrize(
    "kind", [FaultKind.RATE_LIMIT, FaultKind.SERVER_ERROR, FaultKind.HTML, FaultKind.TRUNCATED, FaultKind.DISCONNECT]
)
async def test_a_venue_in_trouble_is_unreachable(doubles: Doubles, kind: FaultKind) -> None:
    doubles.faults.add(Fault(kind, "kraken", 0.0, 3600.0, channel=Channel.REST))
    account = account_at(doubles)
    for ask in (account.account, account.listings):
        with pytest.raises(Unreachable):
            await asyncio.to_thread(ask)


@pytest.mark.parametrize(
    ("error", "read", "act"),
    [
        (ccxt.AuthenticationError("EAPI:Invalid key"), Refused, Refused),
        (ccxt.InsufficientFunds("EOrder:Insufficient funds"), Refused, Refused),
        (ccxt.RequestTimeout("timed out"), Unreachable, OutcomeUnknown),
        (ccxt.ExchangeNotAvailable("502"), Unreachable, OutcomeUnknown),
        (ccxt.BadResponse("half a body"), Unreachable, OutcomeUnknown),
        (ccxt.DDoSProtection("EAPI:Rate limit exceeded"), Unreachable, Unreachable),
        (ccxt.InvalidNonce("EAPI:Invalid nonce"), Unreachable, Unreachable),
        (KeyError("result"), Unreachable, OutcomeUnknown),
    ],
)
def test_an_error_means_what_its_catcher_must_do(error: Exception, read: type[ArbError], act: type[ArbError]) -> None:
    assert type(translated(error, is_read=True)) is read
    assert type(translated(error, is_read=False)) is act
