"""``manage.py why``: what it prints of a span and of one opportunity, and what it refuses."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from domain.errors import BadInput
from tests.fakes import ETH_USDC, MS, NOW_NS, SIM, book, pool, pool_config
from tests.trading.models.rows import make
from tests.trading.selectors.test_verdict import SCOPE, SETTINGS, offer, trade
from tests.trading.services.conftest import Line
from trading.models import EdgeObservation, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool_line(db) -> Line:
    make(Run, **SIM.columns)
    return Line(config=pool_config())


@pytest.fixture
def march():
    make(Run, **SCOPE.columns, settings=SETTINGS, last_instant=datetime(2023, 3, 2, 10, 59, 59, 999000, tzinfo=UTC))
    offer(1, {10: 50})
    offer(2, {900: 3})
    return [trade(2, minute, reason="breaker_volatility") for minute in range(3)]


def ask(capsys, monkeypatch, *args: str, columns: int = 80) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    call_command("why", "--mode", "replay", *args)
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [80, 120])
def test_the_answer_comes_first_and_no_line_is_wider_than_the_terminal(march, capsys, monkeypatch, columns):
    lines = ask(capsys, monkeypatch, columns=columns).splitlines()
    assert lines[0] == "Why? 1 to 2 March 2023 (UTC), replay march"
    assert lines[1].startswith("Of 14 looks at a route")
    assert any(line.startswith("breaker open: volatility") for line in lines)
    assert max(map(len, lines)) <= columns
    assert not any("…" in line for line in lines)


def test_the_last_hour_of_a_run_ends_with_its_last_instant(march, capsys, monkeypatch):
    told = json.loads(ask(capsys, monkeypatch, "--last", "1h", "--json"))
    assert told["span"] == {"first": "2023-03-02T10:00:00+00:00", "last": "2023-03-02T11:00:00+00:00"}
    assert told["missed"][0]["planned_usd"] == "30"
    assert told["funnel"][0] == {"name": "seen", "count": 7}


@pytest.mark.parametrize("columns", [80, 120])
def test_one_opportunity_is_told_from_its_books_to_its_end(march, capsys, monkeypatch, columns):
    opened = march[0]
    at = opened.timestamp + timedelta(minutes=1)
    row = {"timestamp": at, "opportunity_id": opened.pk, "offset_ms": 60_000, "net_bps": Decimal("12.34")}
    make(EdgeObservation, **SCOPE.columns, **row)
    told = ask(capsys, monkeypatch, str(opened.pk), columns=columns)
    assert f"Opportunity {opened.pk} BTC/USDC, buy on binanceus, sell on kraken" in told
    assert "It was not traded: breaker open: volatility. As planned it would have made $10.00." in " ".join(
        told.split()
    )
    assert "12.3" in told
    assert max(map(len, told.splitlines())) <= columns


@pytest.mark.parametrize("columns", [80, 120])
def test_a_swap_is_told_with_its_pool_its_gas_and_what_a_revert_cost(pool_line, capsys, monkeypatch, columns):
    state = pool(price="2050")
    opened = pool_line.open(book("a", "1999", "2000", quantity="30", pair=ETH_USDC), state)
    pool_line.step(opened.pk)
    pool_line.clock.advance(400)
    pool_line.observe(pool(price="1990", block=state.block + 1, at_ns=NOW_NS + 400 * MS, seq=2))
    pool_line.step(opened.pk)
    monkeypatch.setenv("COLUMNS", str(columns))
    call_command("why", "--mode", "sim", "--run", "test", str(opened.opportunity_id))
    told = capsys.readouterr().out
    words = " ".join(told.split())
    assert "uniswap_v2, a pool: we sell, seen 0 ms before" in words
    assert "it held 500 ETH, 1025000 USDC" in words
    assert "its fee 30.0 bps, inside its price" in words
    assert f"block {state.block}," in words
    assert "gas 1 gwei a unit" in words
    assert "150000 units at 1 gwei" in words  # the planned cost
    assert "0.00015 ETH gas" in words
    assert columns == 80 or "its price had gone: it was undone, the gas paid" in words
    assert max(map(len, told.splitlines())) <= columns


def test_json_of_a_swap_holds_its_pool(pool_line, capsys):
    opened = pool_line.open(book("a", "1999", "2000", quantity="30", pair=ETH_USDC), pool(price="2050"))
    call_command("why", "--mode", "sim", "--run", "test", str(opened.opportunity_id), "--json")
    seen = json.loads(capsys.readouterr().out)["books"][1]
    assert seen["pool"]["base_reserve"] == "500"
    assert seen["pool"]["gas_price_gwei"] == "1"
    assert len(seen["levels"]) == 3


def test_json_of_one_opportunity_is_one_object(march, capsys, monkeypatch):
    told = json.loads(ask(capsys, monkeypatch, str(march[0].pk), "--json"))
    assert told["opportunity_id"] == march[0].pk
    assert told["books"][0]["levels"][0] == {"price": "100", "quantity": "1"}
    assert told["answer"].startswith("It was not traded")


def test_an_opportunity_is_found_by_its_correlation_id_too(march, capsys, monkeypatch):
    first, second = march[:2]
    type(first).objects.filter(pk=first.pk).update(correlation_id="e3b2f93972f84f1d")
    assert f"Opportunity {first.pk}" in ask(capsys, monkeypatch, "e3b2f93972f84f1d")
    with pytest.raises(BadInput, match="no opportunity with the correlation id 00"):
        ask(capsys, monkeypatch, "0" * 16)
    type(first).objects.filter(pk=second.pk).update(correlation_id="e3b2f93972f84f1d")
    with pytest.raises(BadInput, match=f"of several opportunities, name one: {first.pk}, {second.pk}"):
        ask(capsys, monkeypatch, "e3b2f93972f84f1d")


def test_without_data_it_says_what_to_run(capsys):
    call_command("why", "--mode", "sim")
    assert "make demo" in capsys.readouterr().out
    call_command("why", "--mode", "sim", "--json", "--last", "1h")
    assert json.loads(capsys.readouterr().out)["funnel"] == []


def test_two_ways_to_say_a_span_and_unknown_numbers_are_refused(march, capsys, monkeypatch):
    with pytest.raises(BadInput, match="two ways to say a span"):
        ask(capsys, monkeypatch, "--last", "1h", "--days", "2")
    with pytest.raises(BadInput, match="7 names one opportunity, whenever it was: leave the span out"):
        ask(capsys, monkeypatch, "7", "--last", "1h")
    with pytest.raises(BadInput, match="there is no opportunity 987654"):
        ask(capsys, monkeypatch, "987654")
    with pytest.raises(CommandError, match="'first' is not the number of an opportunity, nor a correlation id"):
        ask(capsys, monkeypatch, "first")
    with pytest.raises(CommandError, match="not a length of time"):
        ask(capsys, monkeypatch, "--last", "soon")
