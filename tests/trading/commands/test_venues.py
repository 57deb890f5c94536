"""The venues command: list, check, markets, fees and balances, in words and in JSON, and its exit codes."""

import io
import json
from dataclasses import asdict, replace

import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import call_command

from domain.errors import BadInput
from domain.secret import Credentials, Secret
from simulator.accounts import KRAKEN_READ
from tests.fakes import watch_chain
from tests.trading.commands.venue_rows import away, doubles_as_venues, state_markets
from trading.marketdata.keys import board_key
from trading.marketdata.venue_lines import VenueLine
from trading.models import Balance

pytestmark = pytest.mark.django_db


def said(*arguments: str, code: int = 0) -> str:
    out = io.StringIO()
    if code:
        with pytest.raises(SystemExit) as ended:
            call_command("venues", *arguments, stdout=out)
        assert ended.value.code == code
    else:
        call_command("venues", *arguments, stdout=out)
    return out.getvalue()


def tell_board(*lines: VenueLine) -> None:
    """Say what a stream would."""
    with redis.Redis.from_url(django_settings.ARB.redis_url) as server:
        server.set(board_key(django_settings.ARB.scope), json.dumps([asdict(line) for line in lines]), ex=600)


def line(**changes) -> VenueLine:
    return replace(VenueLine("kraken", True, 9, 9, 0, 0, 0, "", clock_offset_ms=-3.0, rate_per_s=12.5), **changes)


def test_every_venue_is_listed_with_its_origin_and_keys(settings):
    told = json.loads(said("list", "--json"))["venues"]
    by_name = {one["venue"]: one for one in told}
    assert by_name["kraken"]["origin"] == "kraken" and by_name["kraken"]["keys"] == []
    assert "set ARB_POLYGON_RPC_URLS or ALCHEMY_API_KEY" in by_name["polygon"]["problem"]


@pytest.mark.parametrize("what", ["list", "check", "markets", "fees", "balances"])
def test_a_venue_that_is_none_of_ours_is_named(settings, what):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        with pytest.raises(BadInput, match="'nosuch' is none of our venues: they are kraken, alpaca"):
            said(what, "nosuch")


def test_a_node_that_is_not_there_is_said_once(settings):
    watch_chain(settings, "ethereum", 1)
    text = said("check", "ethereum", code=5)
    assert "ethereum: does not answer: no node tells the head: 127.0.0.1:1 no connection.\n" in text


def test_a_table_that_cannot_be_read_is_said_once(settings):
    watch_chain(settings, "ethereum", 4242)
    text = said("check", "ethereum", code=5)
    assert text.count("chain 4242, of which no table is known: name a file of its pools") == 1


def test_a_chain_that_is_not_watched_says_what_to_set():
    with pytest.raises(BadInput, match="polygon is not watched: set ARB_POLYGON_RPC_URLS"):
        said("check", "polygon")


def test_a_check_without_a_stream_asks_and_says_whose_figures_are_missing(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        text = said("check")
    assert "No stream watches" in text
    assert "kraken: nothing speaks against it." in text
    assert "kraken REST budget: 1 a second, 10 at once, shared by all processes." in text
    assert max(map(len, text.splitlines())) <= 110


def test_a_check_shows_what_the_stream_tells(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        tell_board(line(), line(venue="alpaca", polled_every_ms=1000, reasons={"stale": 3}, refused=3))
        text = said("check")
    kraken = next(row for row in text.splitlines() if row.startswith("kraken "))
    assert "100.00 %" in kraken and "-3 ms" in kraken and "12.5" in kraken
    assert "alpaca since the stream began: stale 3." in text
    assert "alpaca is asked every 1 s" in text


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (line(is_connected=False, last_error="cut off"), "the stream has no connection: cut off"),
        (line(health=20, health_reasons=["clock an hour off"]), "health 20 of 100: clock an hour off"),
        (line(integrity=0.5), "only 50.00% of its books were sound"),
    ],
)
def test_what_speaks_against_a_venue_is_said_and_is_exit_code_3(settings, told, why):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        tell_board(told)
        assert why in said("check", "kraken", code=3)


def test_a_venue_that_is_away_is_exit_code_3_and_all_of_them_5(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        away(settings, "kraken")
        assert "kraken: does not answer: http://127.0.0.1:9: no connection." in said("check", code=3)
        away(settings, "alpaca")
        told = json.loads(said("check", "--json", code=5))
    assert [one["answered"]["markets"] for one in told["venues"]] == [0, 0]


def test_without_redis_a_check_goes_on_and_says_so(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        nowhere = replace(django_settings.ARB.redis, url=Secret("redis://127.0.0.1:9/0"))
        settings.ARB = replace(django_settings.ARB, redis=nowhere)
        text = said("check", "alpaca")
    assert "What the stream tells is not known: the venue board does not answer" in text
    assert "half of it for this process alone: Redis is away" in text


def test_markets_show_steps_minima_and_since_when(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        assert "kraken BTC/USD" in said("markets", "kraken")
        told = json.loads(said("markets", "kraken", "--json"))["markets"]
    assert {one["symbol"]: one["stated"]["step"] for one in told} == {"BTC/USD": "0.0001", "ETH/USD": "0.0001"}
    assert {one["source"] for one in told} == {"kraken listings"}


def test_fees_are_those_that_decisions_reckon_with():
    told = {one["venue"]: one for one in json.loads(said("fees", "--json"))["fees"]}
    assert (told["kraken"]["taker_bps"], told["alpaca"]["taker_bps"]) == ("40", "25")
    assert "lowest tier" in told["kraken"]["source"]


def test_balances_without_a_key_are_the_ledgers_and_the_key_is_named(settings):
    with doubles_as_venues(settings):
        Balance.objects.create(**django_settings.ARB.scope.columns, venue="kraken", asset="USD", amount=-12)
        text = said("balances")
    assert "kraken, by our ledger of paper trades" in text and "-12" in text
    assert "set KRAKEN_READ_API_KEY" in text and "set ALPACA_READ_API_KEY" in text


def test_balances_with_a_key_are_the_venues_own_word(settings):
    with doubles_as_venues(settings):
        arb = django_settings.ARB
        read = Credentials(Secret(KRAKEN_READ.key), Secret(KRAKEN_READ.secret))
        settings.ARB = replace(arb, venues=replace(arb.venues, kraken=replace(arb.venues.kraken, read=read)))
        (told,) = json.loads(said("balances", "kraken", "--json"))["balances"]
        assert (told["said_by"], told["balances"]["USD"]) == ("venue", "50000")
        away(settings, "kraken")
        (gone,) = json.loads(said("balances", "kraken", "--json", code=5))["balances"]
    assert gone["is_down"] and gone["said_by"] == "ledger"
