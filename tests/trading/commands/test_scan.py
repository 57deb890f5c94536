"""The scan command: what it says, once and at a pace, and how it ends."""

import io
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.management.base import CommandError

from domain.errors import BadInput, Refused, Unreachable
from domain.scope import Mode, Scope
from ops.locks import advisory
from tests.sessions import in_another_session
from tests.trading.commands.venue_rows import PAIRS, away, doubles_as_venues, state_markets
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.models import EvaluationCount, ReferenceFact
from trading.services.scan import process_connections

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("scan", *arguments, stdout=out)
    return out.getvalue()


def test_the_first_scan_asks_the_venues_what_they_list_and_shows_every_route(settings):
    with doubles_as_venues(settings):
        text = said("--once")
    assert "asking kraken, alpaca for their pairs" in text
    for route in ("BTC/USD kraken → alpaca", "ETH/USD alpaca → kraken"):
        assert route in text
    assert "4 markets, 4 of them asked for" in text
    assert max(map(len, text.splitlines())) <= 100
    assert ReferenceFact.objects.filter(kind="market").count() == 4
    assert EvaluationCount.objects.count() >= 4


def test_a_scan_in_json_is_one_object(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        told = json.loads(said("--once", "--json"))
    assert {one["route_key"] for one in told["routes"]} >= {"kraken:BTC/USD>alpaca:BTC/USD"}
    assert (told["markets"], told["by_rest"], told["is_streamed"], told["missing"]) == (4, 4, False, {})


def test_a_venue_that_is_away_is_named_and_the_other_is_seen(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        away(settings, "kraken")
        text = said("--once")
    assert "Missing: kraken BTC/USD, ETH/USD (http://127.0.0.1:9: no connection)." in text
    assert "2 markets, 2 of them asked for, 2 missing" in text


def test_without_any_market_it_ends_as_a_dependency_that_is_down(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        away(settings, "kraken", "alpaca")
        with pytest.raises(Unreachable, match=r"no market could be seen: .*kraken BTC/USD, ETH/USD"):
            said("--once")


def test_a_replay_has_no_market(settings):
    settings.ARB = replace(django_settings.ARB, scope=Scope(Mode.REPLAY))
    with pytest.raises(BadInput, match="replay has no market to scan"):
        said("--once")


def test_in_sim_a_real_venue_is_not_scanned(settings):
    with pytest.raises(BadInput, match=r"api\.kraken\.com"):
        said("--once")


@pytest.mark.parametrize(("pace", "why"), [("soon", "is no pace"), ("0.1", "is no pace"), ("nan", "is no pace")])
def test_a_pace_that_is_none_is_named(pace, why):
    with pytest.raises(CommandError, match=why):
        said("--every", pace)


@pytest.mark.django_db(transaction=True)
def test_beside_another_scan_it_is_refused(settings):
    with doubles_as_venues(settings):
        state_markets("kraken", "alpaca")
        with another_scan(), pytest.raises(Refused, match="another scan is under way"):
            said("--once")


@contextmanager
def another_scan() -> Iterator[None]:
    """Hold the lock of scans on a session of its own."""
    begun, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with advisory(f"scan:{django_settings.ARB.scope}"):
            begun.set()
            ended.wait(30)

    thread = threading.Thread(target=in_another_session, args=(hold,))
    thread.start()
    begun.wait(30)
    try:
        yield
    finally:
        ended.set()
        thread.join(30)


def test_connections_are_kept_until_the_settings_change(settings):
    first = process_connections(SYSTEM_CLOCK)
    assert process_connections(SYSTEM_CLOCK) is first
    settings.ARB = replace(django_settings.ARB, pairs=PAIRS, scope=Scope(Mode.SIM, "other"))
    assert process_connections(SYSTEM_CLOCK) is not first


@pytest.mark.parametrize("patience_s", [0.05, 60.0], ids=["asked once", "asked twice"])
def test_a_scan_that_gets_no_answer_ends_all_the_same(settings, monkeypatch, patience_s):
    def wait_for_an_answer(*args, **options):
        signal.raise_signal(signal.SIGTERM)
        if patience_s > 1:
            signal.raise_signal(signal.SIGTERM)
        threading.Event().wait(30)

    monkeypatch.setattr("trading.management.commands.scan.PATIENCE_S", patience_s)
    monkeypatch.setattr("trading.services.scan.scan", wait_for_an_answer)
    before = signal.getsignal(signal.SIGTERM)
    with doubles_as_venues(settings), pytest.raises(KeyboardInterrupt):
        said("--every", "1")
    assert signal.getsignal(signal.SIGTERM) == before
