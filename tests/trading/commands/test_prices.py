"""The prices command: one pair everywhere, how old, how far apart."""

import io
import json

import pytest
from django.core.management import call_command

from domain.errors import BadInput, Unreachable
from tests.trading.commands.venue_rows import away, doubles_as_venues, state_markets

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("prices", *arguments, stdout=out)
    return out.getvalue()


def test_every_venue_shows_its_prices_spread_and_age(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        text = said("btc/usd")
    for venue in ("kraken", "alpaca"):
        line = next(line for line in text.splitlines() if line.startswith(venue))
        assert " ms rest" in line
    assert "gap" in text and max(map(len, text.splitlines())) <= 100


def test_in_json_prices_are_exact_texts(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        told = json.loads(said("BTC/USD", "--json"))
    assert {one["venue"] for one in told["prices"]} == {"kraken", "alpaca"}
    assert all(isinstance(one["bid"], str) and 0 <= one["age_ms"] < 2_000 for one in told["prices"])
    assert {told["gap"]["buy_venue"], told["gap"]["sell_venue"]} == {"kraken", "alpaca"}


def test_a_pair_that_is_not_watched_is_named(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        with pytest.raises(BadInput, match="DOGE/USD is not watched: ARB_PAIRS names BTC/USD, ETH/USD"):
            said("DOGE/USD")
        with pytest.raises(BadInput, match="'BTC' is not a pair"):
            said("BTC")


def test_a_venue_that_is_away_is_named_beside_the_others(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        away(settings, "alpaca")
        assert "alpaca shows no price: http://127.0.0.1:9: no connection." in said("BTC/USD")
        away(settings, "kraken")
        with pytest.raises(Unreachable, match=r"can be had: alpaca, kraken: http.*: no connection$"):
            said("BTC/USD")
