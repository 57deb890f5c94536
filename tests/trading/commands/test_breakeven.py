"""``manage.py breakeven``: what it prints, and how it answers to spans that hold nothing."""

import json
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from domain.errors import BadInput
from domain.scope import Mode, Scope
from tests.trading.models.rows import make
from tests.trading.selectors.test_verdict import SCOPE, SETTINGS, offer, trade
from trading.management.span_arguments import length_of, span_of
from trading.models import EvaluationCount, Run
from trading.selectors.terms import Span

pytestmark = pytest.mark.django_db


@pytest.fixture
def march():
    make(Run, **SCOPE.columns, settings=SETTINGS, last_instant=datetime(2023, 3, 12, 10, 59, tzinfo=UTC))
    for number in range(1, 13):
        offer(number, {10: 50, 299 - number: 1})
    offer(13, {9_000: 30})
    for minute in range(6):
        trade(13, minute)


def ask(capsys, monkeypatch, *args: str, columns: int = 80) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    call_command("breakeven", "--mode", "replay", *args)
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [80, 120])
def test_the_answer_comes_first_and_no_line_is_wider_than_the_terminal(march, capsys, monkeypatch, columns):
    lines = ask(capsys, monkeypatch, columns=columns).splitlines()
    assert lines[0] == "Would it have paid? 1 to 13 March 2023 (UTC), replay march"
    assert lines[1].startswith("On 12 of 13 days nothing would have paid; on 13 March 6 trades would")
    assert max(map(len, lines)) <= columns
    assert not any("…" in line for line in lines)


def test_a_span_of_calm_days_is_told_in_one_plain_sentence(march, capsys, monkeypatch):
    told = ask(capsys, monkeypatch, "--from", "2023-03-01", "--to", "2023-03-09", columns=120)
    assert "\nOn 9 of 9 days nothing would have paid.\n" in told
    assert "binanceus and kraken, BTC/USDC" in told
    assert " 9 Mar " in told
    assert "10 Mar" not in told


def test_the_last_days_are_counted_back_from_the_last_instant_of_the_run(march, capsys, monkeypatch):
    told = json.loads(ask(capsys, monkeypatch, "--days", "2", "--json"))
    assert [day["day"] for day in told["days"]] == ["2023-03-11", "2023-03-12"]


def test_json_is_one_object_with_the_words_and_the_figures(march, capsys, monkeypatch):
    told = json.loads(ask(capsys, monkeypatch, "--json"))
    assert told["judgement"]["finding"] == "inventory_event"
    assert told["scope"] == {"mode": "replay", "run_id": "march"}
    assert told["headline"][0].startswith("On 12 of 13 days")
    assert told["pairs"][0]["routes"][0]["offered"]["count"] == 642
    assert told["planned_usd"] == "60"
    assert told["gap"]["above_by_day"]["2023-03-13"] == 30


def test_many_days_are_summed_up_and_those_that_paid_are_shown(march, capsys, monkeypatch):
    for number in range(14, 20):
        offer(number, {10: 5})
    told = ask(capsys, monkeypatch)
    assert "13 Mar" in told
    assert "And 18 more days: --json shows all." in told


def test_no_data_says_what_to_run_and_ends_well(capsys):
    call_command("breakeven", "--mode", "sim")
    told = capsys.readouterr().out
    assert "Nothing to judge yet in sim" in told
    assert "make demo" in told


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--from", "2023-03-09", "--to", "2023-03-01"), "from 2023-03-09 to 2023-03-01 holds nothing"),
        (("--from", "2024-01-01"), "there is nothing from 2024-01-01: the data of replay/march go"),
        (("--to", "2020-01-01"), "there is nothing up to 2020-01-01"),
        (("--from", "2022-01-01", "--to", "2022-02-01"), "go from 2023-03-01 10:00 to 2023-03-13 11:00"),
        (("--days", "3", "--to", "2023-03-09"), "two ways to say a span"),
        (("--run", "april"), "there is no replay run 'april'"),
    ],
)
def test_a_span_that_cannot_be_is_named_with_what_there_is(march, capsys, monkeypatch, args, said):
    with pytest.raises(BadInput, match=said):
        ask(capsys, monkeypatch, *args)


def test_a_span_that_cannot_be_is_refused_where_there_is_no_data_too():
    with pytest.raises(BadInput, match="from 2023-03-09 to 2023-03-01 holds nothing"):
        call_command("breakeven", "--mode", "sim", "--from", "2023-03-09", "--to", "2023-03-01")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--days", "0"), "not a number of days"),
        (("--days", "many"), "not a number of days"),
        (("--from", "yesterday"), "is not a day or an instant"),
        (("--to", "1000-01-01"), "does not lie between"),
    ],
)
def test_what_is_no_span_is_refused_by_its_name(args, said):
    with pytest.raises(CommandError, match=said):
        call_command("breakeven", *args)


def test_a_running_scope_is_looked_back_on_from_now_as_far_as_its_data_go():
    scope, now = Scope(Mode.SIM), datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
    for hour in (datetime(2026, 1, 1, tzinfo=UTC), now.replace(minute=0)):
        make(EvaluationCount, **scope.columns, hour=hour)
    asked = {"days": None, "first": None, "last": None}
    assert span_of(asked, scope, now=now) == Span(datetime(2026, 10, 24, tzinfo=UTC), now.replace(hour=13, minute=0))
    assert span_of(asked | {"days": 1}, scope, now=now).first == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(("text", "minutes"), [("90s", 1.5), ("90m", 90), ("2h", 120), ("1d", 1_440)])
def test_a_length_of_time_is_a_number_and_its_unit(text, minutes):
    assert length_of(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "1y", "-1h", "99999d", "5x", "0s", "1.5h", "9999999h"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(ArgumentTypeError):
        length_of(text)
