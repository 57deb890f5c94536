"""The command around a collection: what it is told, what it says, how it ends."""

import io
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from domain.errors import BadInput, Unreachable
from domain.market import Pair, Side
from domain.routes import Leg, Route
from domain.scope import Mode, Scope
from domain.timestamps import from_ns
from simulator.instruments import DEFAULT_PAIRS
from simulator.server import Urls
from tests.fakes import NOW_NS
from tests.trading.services.stream.doubles import doubles_in_thread, settings_for
from trading.management.collect_console import Lines, length, nothing_came, size
from trading.services.collect.figures import Figures, VenueFigures
from trading.services.collect.route_looks import RouteLook
from trading.services.recording.recorder import Recorded

PAIRS = DEFAULT_PAIRS[:2]
NOWHERE = Urls(*["http://127.0.0.1:9", "ws://127.0.0.1:9", *["http://127.0.0.1:9"] * 2, "ws://127.0.0.1:9/crypto/us"])


def figures(**changes) -> Figures:
    kraken = VenueFigures("kraken", 2, True, 1_200, 40, 90, None, {"stale": 3}, {"closed": 1}, "")
    alpaca = VenueFigures("alpaca", 2, False, 0, 0, None, 1000, {}, {}, "cannot be reached (timed out)")
    told = Figures(
        mode="dry_run",
        started_at=from_ns(NOW_NS),
        elapsed_s=125.0,
        watched_s=120.0,
        venues=(kraken, alpaca),
        recordings=(7,),
        recorded=Recorded(7, 1_200, 1_190, 4, 80, 35_700),
        opportunities=1,
        executions={"settled": 1},
        rss_start=100_000_000,
        rss=101_000_000,
        dropped=0,
        failed=0,
    )
    return replace(told, **changes)


def said(tell) -> str:
    stream = io.StringIO()
    tell(Lines(stream))
    return stream.getvalue()


def test_the_end_tells_books_refusals_losses_and_memory_in_plain_words():
    text = said(lambda lines: lines.ends(figures()))
    assert "kraken refused books: stale 3." in text
    assert "alpaca had trouble: cannot be reached (timed out)." in text
    assert "Recording 7: 1,190 of 1,200 books written, 10 lost, 35.7 kB, 30.0 bytes each." in text
    assert "1 opportunity; executions: settled 1." in text
    assert "Memory 100 MB at the start, 101 MB at the end." in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_heartbeat_is_one_line():
    text = said(lambda lines: lines.beats(figures()))
    assert text.count("\n") == 1
    assert "kraken 1,200 books (10.0/s); alpaca no book yet (cannot be reached (timed out))" in text
    assert "1,190 recorded, 4 lost, 1 opportunity" in text


def test_why_nothing_came_names_every_venue():
    told = nothing_came(figures(elapsed_s=90.0))
    assert told.startswith("no venue gave a book within 1 min 30 s (kraken closed the connection; alpaca cannot")


@pytest.mark.parametrize(("seconds", "told"), [(9.6, "10 s"), (200, "3 min 20 s"), (7_500, "2 h 5 min"), (60, "1 min")])
def test_lengths_of_time_read_well(seconds, told):
    assert length(seconds) == told


@pytest.mark.parametrize(("count", "told"), [(0, "0 B"), (1_250, "1.2 kB"), (261_000_000, "261 MB"), (4e9, "4.0 GB")])
def test_sizes_read_well(count, told):
    assert size(count) == told


@pytest.mark.parametrize("text", ["5x", "-3s", ""])
def test_a_duration_that_is_none_is_named(text):
    with pytest.raises(CommandError, match=r"--duration: .* is not a length of time: write 90s, 20m, 2h or 3d"):
        call_command("collect", f"--duration={text}")


def test_once_and_duration_exclude_each_other():
    with pytest.raises(BadInput, match="exclude each other"):
        call_command("collect", "--once", "--duration=5s")


@pytest.mark.parametrize("mode", [Mode.REPLAY, Mode.LIVE])
def test_a_mode_that_is_no_dry_run_is_refused(settings, mode):
    settings.ARB = replace(settings.ARB, scope=Scope(mode))
    with pytest.raises(BadInput, match=f"does not work in {mode}"):
        call_command("collect")


def test_a_real_venue_is_never_recorded_as_a_simulated_one(settings):
    simulated = settings_for(NOWHERE, PAIRS)
    kraken = replace(simulated.venues.kraken, rest_url="https://api.kraken.com")
    settings.ARB = replace(simulated, scope=Scope(Mode.SIM), venues=replace(simulated.venues, kraken=kraken))
    with pytest.raises(BadInput, match=r"kraken's rest url is https://api.kraken.com: start manage.py simulate"):
        call_command("collect", "--once")


def test_one_look_says_that_it_trades_nothing_and_counts_no_trades():
    text = said(lambda lines: lines.ends(figures(opportunities=0, executions={}), is_look=True))
    assert "One look trades nothing." in text
    assert "0 opportunities" not in text


def test_the_routes_of_one_look_fit_a_terminal_of_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    btc, cash = Pair.parse("BTC/USD"), Pair.parse("BTC/USDC")
    route = Route((Leg("binanceus", btc, Side.BUY), Leg("kraken", cash, Side.SELL)))
    look = RouteLook(route, Decimal("63891.2"), Decimal("63961.66"), -110.4, -1054.0, "no_conversion")
    text = said(lambda lines: lines.shows([look]))
    assert "binanceus > kraken BTC/USD > USDC 63891.2 63961.66 -110.4 -1054.0 no conversion" in text


@pytest.mark.django_db(transaction=True)
def test_one_look_gives_one_object_with_every_route(settings, capsys):
    with doubles_in_thread(PAIRS) as urls:
        settings.ARB = settings_for(urls, PAIRS)
        call_command("collect", "--once", "--json")
    told = json.loads(capsys.readouterr().out)
    assert {venue: one["books"] for venue, one in told["venues"].items()} == {"kraken": 2, "alpaca": 2}
    assert (told["recorded"]["written"], told["recorded"]["lost"]) == (4, 0)
    assert {route["route"] for route in told["routes"]} >= {"kraken:BTC/USD>alpaca:BTC/USD"}


@pytest.mark.django_db(transaction=True)
def test_one_look_at_nobody_says_why_and_is_an_error(settings, capsys):
    settings.ARB = settings_for(NOWHERE, PAIRS)
    with pytest.raises(Unreachable, match=r"no venue gave a book .*kraken cannot be reached.*alpaca cannot be reached"):
        call_command("collect", "--once")
    assert "asking kraken and alpaca which pairs they list" in capsys.readouterr().out
