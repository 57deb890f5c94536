"""The page of a report: one file that asks for nothing else, whole or not there at all."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from ops.plots import VARIABLES
from tests.trading.services.backtest.reports import NOTHING_TRADED, REPORT, ROUTE
from trading.services.backtest import page
from trading.services.backtest.charts import charts_of


def test_the_page_asks_for_nothing_from_anywhere():
    text = page.page_of(REPORT)
    assert not re.search(r"<(script|link|img|iframe)\b|@import|url\((?!#)", text)
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', text)
    assert "prefers-color-scheme: dark" in text


def test_what_comes_from_outside_is_text_and_never_markup():
    assert "&lt;kraken&gt;.csv" in page.page_of(REPORT)


def test_every_plot_is_drawn_in_the_page_s_colours():
    charts = charts_of(REPORT)
    assert len(charts) == 6
    for chart in charts:
        ET.fromstring(chart.svg)
        assert f'aria-label="{chart.title}"' in chart.svg
        assert "var(--ink)" in chart.svg
        assert not any(colour in chart.svg for colour in VARIABLES)
        assert "#000000" not in chart.svg


def test_no_two_plots_share_a_name_inside():
    names = [set(re.findall(r'\bid="([^"]+)"', chart.svg)) for chart in charts_of(REPORT)]
    clipped = [{name for name in found if re.match(r"[pm][0-9a-f]{10}", name)} for found in names]
    assert sum(map(len, clipped)) == len(set().union(*clipped))


def test_a_report_without_trades_has_a_page_too():
    text = page.page_of(NOTHING_TRADED)
    assert "No trade was made" in text
    assert "Breakers that opened" not in text
    assert page.page_of(replace(NOTHING_TRADED, samples=())).count("<svg") == 0


def test_a_report_of_many_routes_has_a_page_too():
    routes = tuple(replace(ROUTE, route=f"v{number}:BTC/USD>kraken:BTC/USD") for number in range(12))
    text = page.page_of(replace(REPORT, routes=routes))
    assert "the 8 of 12 with most" in text
    assert "v7 &gt; kraken BTC/USD" in text
    assert "v8 &gt; kraken BTC/USD" not in text


def test_it_is_written_whole_and_over_the_one_before(tmp_path):
    path = tmp_path / "report.html"
    page.write_page(REPORT, path)
    page.write_page(NOTHING_TRADED, path)
    assert NOTHING_TRADED.run_id in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_that_cannot_be_made_leaves_the_one_before(tmp_path, monkeypatch):
    def fails(report):
        raise ZeroDivisionError

    path = tmp_path / "report.html"
    path.write_text("<!doctype html>before")
    monkeypatch.setattr(page, "page_of", fails)
    with pytest.raises(ZeroDivisionError):
        page.write_page(REPORT, path)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("<!doctype html>before", [path])


def test_a_disk_that_does_not_take_the_page_is_told_with_the_way_to_write_it_later(tmp_path):
    with pytest.raises(page.Unwritten, match=rf"backtest show {REPORT.run_id} --html PATH writes it"):
        page.write_page(REPORT, tmp_path / "gone" / "report.html")
