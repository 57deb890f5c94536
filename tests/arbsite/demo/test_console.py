import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from arbsite.config import generated_password
from arbsite.demo.console import render
from arbsite.demo.gathering import NOTHING_YET
from arbsite.demo.snapshot import FeedLine, Snapshot


def drawn(snapshot: Snapshot, width: int = 160, height: int = 50) -> str:
    console = Console(width=width, height=height, record=True, file=io.StringIO())
    console.print(render(snapshot, width=width, height=height), height=height)
    return console.export_text()


def line_with(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if word in line)


def test_a_wide_screen_shows_every_part(snapshot):
    text = drawn(snapshot)
    for title in ("Venues", "Processes", "Funnel", "Results", "Why not", "Breakers", "Last trade", "Alerts and events"):
        assert title in text
    assert "SIM" in line_with(text, "33 of 90 s")
    assert "PostgreSQL is away, 3 s" in text
    assert LINKS_LINE in re.sub(r" +", " ", text)


def test_a_generated_password_fits_into_eighty_columns(snapshot, tmp_path):
    password = generated_password(tmp_path / "state", "admin_password").reveal()
    address = "http://127.0.0.1:54321/admin/"
    links = replace(snapshot.links, admin=address, admin_user="operator", admin_password=password)
    assert password in drawn(replace(snapshot, links=links), 80, 24)


LINKS_LINE = "admin http://127.0.0.1:8000/admin/ operator / admin-secret"


def test_the_waterfall_shows_costs_as_what_they_take(snapshot):
    text = drawn(snapshot)
    assert "-50.00" in line_with(text, "less fees")
    assert "+1.50" in line_with(text, "less slippage")
    assert "+7.50" in line_with(text, "│  net")


def test_a_tripped_breaker_says_why_and_how_long_it_cools(snapshot):
    line = line_with(drawn(snapshot), "consecutive failures")
    assert "● open" in line
    assert "7 s to cool: 5, threshold 5" in line


def test_the_last_trade_shows_predicted_and_realised_slippage(snapshot):
    text = drawn(snapshot)
    assert "0.0 bps predicted, 3.0 bps realised" in text
    assert "buy on kraken, sell on alpaca" in text


def test_the_newest_event_is_on_top(snapshot):
    text = drawn(snapshot)
    assert text.index("all is well") < text.index("Breaker consecutive_failures is open")


@pytest.mark.parametrize(("width", "height"), [(160, 50), (100, 50), (100, 35), (80, 24), (40, 10)])
def test_no_line_is_longer_than_the_terminal_is_wide(snapshot, width, height):
    lines = drawn(snapshot, width, height).splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_a_small_terminal_keeps_funnel_results_lights_and_events(snapshot):
    text = drawn(snapshot, 80, 24)
    for word in ("Funnel", "Results", "consecutive failures ● open", "Alerts and events"):
        assert word in text


def test_the_first_second_with_nothing_to_show_is_drawn_too(snapshot):
    text = drawn(replace(snapshot, trading=NOTHING_YET, venues=(), feed=(), first_execution_s=None))
    for words in ("waiting for the first books", "none has settled yet", "nothing refused yet", "quiet so far"):
        assert words in text


@pytest.mark.parametrize(("width", "height"), [(160, 45), (80, 24)])
def test_swaps_with_pools_are_on_every_screen(snapshot, width, height):
    assert line_with(drawn(snapshot, width, height), "pools").startswith("pools  4 swaps, 1 reverted, gas 2.25 USD")


def test_a_small_terminal_says_why_there_is_no_chain(snapshot):
    without = replace(snapshot, has_chain=False, why_no_chain="npm could not fetch 7 packages")
    assert "pools  no chain: npm could not fetch 7 packages" in drawn(without, 80, 24)


def test_forty_five_lines_hold_the_venues(snapshot):
    assert "Venues" in drawn(snapshot, 160, 45)


def test_an_event_takes_one_line_however_long_it_is(snapshot):
    long = FeedLine(snapshot.at, "error", "Breaker slippage is open: " + "because " * 20)
    feed = drawn(replace(snapshot, feed=(snapshot.feed[0], long)), 80, 24).splitlines()[-3:-1]
    assert "because" in feed[0]
    assert "Breaker consecutive_failures is open" in feed[1]
