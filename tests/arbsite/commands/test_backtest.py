"""``manage.py backtest``: what it prints, at every width, and the exit code of each way of asking it wrongly."""

import json

import pytest
from django.core.management import call_command

from arbsite.entry import MODE_OF_COMMAND, exit_code
from arbsite.management.commands.backtest import Command
from domain.errors import ArbError
from domain.scope import Mode
from tests.recorded import write_candles
from trading.models import BacktestReport, Run

pytestmark = pytest.mark.django_db

LOW, HIGH = "20000", "20400"


@pytest.fixture
def files(tmp_path) -> list[str]:
    dear = {number: HIGH if number % 6 < 4 else LOW for number in range(12)}
    flat = dict.fromkeys(range(12), LOW)
    return [str(write_candles(tmp_path, "kraken", flat)), str(write_candles(tmp_path, "binanceus", dear))]


def ask(capsys, *args: str) -> str:
    call_command("backtest", *args)
    return capsys.readouterr().out


def ending(*args: str) -> tuple[int, str]:
    """Return the exit code that this command line ends with, as a shell would see it, and what is said of it."""
    command = Command()
    command._called_from_command_line = True  # else Django raises instead of ending the process
    try:
        command.handle(**vars(command.create_parser("manage.py", "backtest").parse_args(args)))
    except SystemExit as ended:
        return int(ended.code or 0), ""
    except ArbError as error:
        return exit_code(error), str(error)
    return 0, ""


def test_a_backtest_always_runs_in_the_replay_mode():
    assert MODE_OF_COMMAND["backtest"] is Mode.REPLAY


def test_json_holds_every_figure_and_what_the_run_begins_with(files, capsys):
    told = json.loads(ask(capsys, *files, "--json", "--capital-usd", "10000"))
    assert told["capital_usd"] == "10000"
    assert told["remainder_usd"] == "0"
    assert told["routes"][0]["fills"]["executions"] == 2
    assert "samples" not in told
    assert Run.objects.get(run_id=told["run_id"]).command == "backtest"


def test_the_capital_is_the_configured_one_unless_it_is_said(files, capsys, settings):
    told = json.loads(ask(capsys, *files, "--json", "--unlimited"))
    assert told["capital_usd"] == str(settings.ARB.trading.capital_usd)
    assert told["is_limited"] is False


@pytest.mark.parametrize("columns", [80, 120])
def test_the_report_fits_the_terminal(files, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    told = ask(capsys, *files)
    wide = [line for line in told.splitlines() if len(line) > columns and not line.startswith("Run ")]
    assert wide == []
    assert "…" not in told
    assert "\n2023-03-11" in told  # a day is never broken
    assert "kraken > binanceus BTC/USDC" in told
    for name in ("executed: ", "hold: ", "inventory: ", "coins alone", "From edge to result", "What lay where"):
        assert name in told


def test_a_report_is_shown_again_word_for_word(files, capsys):
    told = ask(capsys, *files)
    run_id = Run.objects.get().run_id
    assert ask(capsys, "show", run_id) == told


def test_reports_are_listed_and_compared(files, capsys):
    assert ask(capsys, "list").startswith("No backtest is there yet")
    first = json.loads(ask(capsys, *files, "--json"))["run_id"]
    second = json.loads(ask(capsys, *files, "--json", "--spread-bps", "20"))["run_id"]
    assert [line["run_id"] for line in json.loads(ask(capsys, "list", "--json"))["reports"]] == [second, first]
    listed = ask(capsys, "list")
    assert listed.index(second) < listed.index(first)
    told = json.loads(ask(capsys, "compare", first, second, "--json"))
    assert told["assumptions"]["spread_bps"] == {"one": "2", "other": "20"}
    compared = ask(capsys, "compare", first, second)
    assert "spread_bps: 2 in the first, 20 in the second" in compared
    assert "same assumptions" in ask(capsys, "compare", first, first)


def test_a_report_that_cannot_be_read_is_named_and_does_not_stop_the_list(files, capsys):
    old = json.loads(ask(capsys, *files, "--json"))["run_id"]
    row = BacktestReport.objects.get()
    del row.figures["drawn"]
    row.save()
    new = json.loads(ask(capsys, *files, "--json"))["run_id"]
    assert f"{old}: cannot be read" in " ".join(ask(capsys, "list").split())
    listed = json.loads(ask(capsys, "list", "--json"))["reports"]
    assert [line["run_id"] for line in listed] == [new, old]
    assert "drawn" in listed[1]["error"]
    code, told = ending("show", old)
    assert (code, f"run {old} cannot be read" in told) == (2, True)


def test_the_page_is_written_beside_the_table_or_the_json(files, capsys, tmp_path):
    path = tmp_path / "page.html"
    assert f"The page is {path}." in ask(capsys, *files, "--html", str(path))
    run_id = Run.objects.get().run_id
    assert run_id in path.read_text()
    other = tmp_path / "other.html"
    json.loads(ask(capsys, "show", run_id, "--json", "--html", str(other)))
    assert other.read_text() == path.read_text()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "nothing is named to replay"),
        (("show",), "backtest show takes one run"),
        (("show", "nothing"), "there is no report of run 'nothing'"),
        (("compare", "one"), "backtest compare takes two runs"),
        (("list", "more"), "backtest list takes nothing more, but 'more' was given"),
        (("--resume", "nothing"), "there is no run 'nothing'"),
    ],
)
def test_what_cannot_be_meant_ends_with_two_and_one_sentence(args, said):
    code, told = ending(*args)
    assert code == 2
    assert said in told


@pytest.mark.parametrize(
    "args", [("--capital-usd", "0"), ("--capital-usd", "-5"), ("--capital-usd", "NaN"), ("--capital-usd", "0.00000001")]
)
def test_capital_that_is_none_is_refused_before_anything_is_written(files, args):
    code, told = ending(*files, *args)
    assert (code, "capital" in told) == (2, True)
    assert not Run.objects.exists()


def test_a_page_that_cannot_be_written_is_refused_before_the_run(files, tmp_path):
    code, told = ending(*files, "--html", str(tmp_path))
    assert (code, "is a folder" in told) == (2, True)
    assert not Run.objects.exists()


def test_an_option_that_is_not_there_is_refused(files):
    assert ending(*files, "--capital", "many")[0] == 2
    assert ending(*files, "--nothing")[0] == 2
    assert not BacktestReport.objects.exists()
