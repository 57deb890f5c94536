"""``manage.py replay``: what it prints, and the exit code of each way of asking it wrongly."""

import json
import logging

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from arbsite.entry import MODE_OF_COMMAND, exit_code
from arbsite.management.commands.replay import Command
from domain.errors import ArbError, BadInput
from domain.scope import Mode
from tests.recorded import row, write_candles, write_lines
from tests.recorded_books import store, walk
from trading.models import Run
from trading.services.candles import MalformedFileError

pytestmark = pytest.mark.django_db

GAP = {0: "20200", 1: "20200"}
FLAT = {0: "20000", 1: "20000"}


@pytest.fixture
def files(tmp_path) -> list[str]:
    return [str(write_candles(tmp_path, "kraken", FLAT)), str(write_candles(tmp_path, "binanceus", GAP))]


def ask(capsys, *args: str) -> str:
    call_command("replay", *args)
    return capsys.readouterr().out


def exit_code_of(*args: str) -> int:
    """Return the exit code that this command line ends with, as a shell would see it."""
    command = Command()
    command._called_from_command_line = True  # else Django raises instead of ending the process
    try:
        command.handle(**vars(command.create_parser("manage.py", "replay").parse_args(args)))
    except SystemExit as ended:
        return int(ended.code or 0)
    except ArbError as error:
        return exit_code(error)
    return 0


def test_a_replay_always_runs_in_its_own_mode():
    assert MODE_OF_COMMAND["replay"] is Mode.REPLAY


def test_only_while_it_lasts_are_faults_alone_logged(files, capsys):
    loggers = [logging.getLogger(name) for name in ("ops", "trading", "trading.services.execution")]
    before = [logger.level for logger in loggers]
    ask(capsys, *files, "--json")
    assert [logger.level for logger in loggers] == before


def test_json_is_one_object_with_all_that_was_promised(files, capsys):
    told = json.loads(ask(capsys, *files, "--json", "--seed", "7"))
    assert told["seed"] == 7
    assert told["mode"] == "replay"
    assert len(told["digest"]) == 64
    assert list(told["per_day"]) == ["2023-03-11"]
    day = told["per_day"]["2023-03-11"]
    assert (day["opportunities"], day["executions"]) == (1, 1)
    assert isinstance(day["pnl_usd"], float)
    assert told["executions"] == {"settled": 1}
    assert told["refused"] == {"not_crossed": 2}
    assert told["assumptions"]["fees"]["binanceus"]["taker_bps"] == "25"
    assert told["assumptions"]["quote_usd"] == {"USDC": "1"}
    assert Run.objects.filter(mode="replay", run_id=told["run"], digest=told["digest"], seed=7).exists()


def test_the_table_tells_days_assumptions_reasons_and_where_to_look(files, capsys):
    told = ask(capsys, *files)
    for part in (
        "2023-03-11",
        "opportunities",
        "did not cross",
        "taker 25 bps",
        "spread 2 bps",
        "digest",
        "MODE=replay",
    ):
        assert part in told
    assert told.startswith("Would it have paid? 11 March 2023")


def test_stated_fees_threshold_and_assumptions_are_used(files, capsys):
    fees = ("--fees", "kraken=1/2", "--fees", "binanceus=3/4")
    told = json.loads(
        ask(capsys, *files, "--json", *fees, "--spread-bps", "0", "--depth-usd", "7000", "--latency-ms", "10")
    )
    assumed = told["assumptions"]
    assert assumed["fees"]["binanceus"] == {
        "maker_bps": "3",
        "taker_bps": "4",
        "charged_in": "quote",
        "source": "stated on the command line",
    }
    assert (assumed["spread_bps"], assumed["depth_usd"], assumed["latency_ms"]) == ("0", "7000", 10)
    assert json.loads(ask(capsys, *files, "--json", "--min-net-bps", "500"))["total"]["opportunities"] == 0


def test_files_are_what_they_are_said_to_be(tmp_path, capsys):
    files = [str(write_lines(tmp_path / f"{name}.csv", [row(0, "20000"), row(1, "20000")])) for name in ("a", "b")]
    told = json.loads(ask(capsys, *files, "--as", "kraken:BTC/USDC", "--as", "binanceus:BTC/USD", "--json"))
    assert [(one["venue"], one["symbol"]) for one in told["assumptions"]["data"]] == [
        ("kraken", "BTC/USDC"),
        ("binanceus", "BTC/USD"),
    ]
    assert told["refused"] == {"no_conversion": 4}


@pytest.mark.parametrize(
    "wrong",
    [
        ["--nonsense"],
        ["--seed", "many"],
        ["--spread-bps", "wide"],
        ["--spread-bps", "-1"],
        ["--depth-usd", "nan"],
        ["--latency-ms", "-250"],
        ["--fees", "kraken"],
        ["--fees", "kraken=1/2", "--fees", "kraken=1/2"],
        ["--fees", "alpaca=1/2"],
        ["--as", "kraken:BTC/USDC"],
        ["--as", "kraken", "--as", "binanceus"],
        ["/nowhere/kraken_BTC-USDC_1m.csv"],
        ["--recording"],
        ["--recording", "seven"],
        ["--recorded-in", "replay"],
        ["--from", "yesterday"],
        ["--from", "2023-02-30"],
        ["--to", "9999-12-31"],
        ["--from", "2023-03-12", "--to", "2023-03-11"],
        ["--from", "2023-03-12"],
        ["--to", "2023-03-10"],
        ["--speed", "0"],
        ["--speed", "fast"],
        ["--latency-ms", "soon"],
        ["--list", "--resume", "x"],
        ["--resume", "x"],
        ["--list"],
        ["--delete", "x", "--reason", "because"],
    ],
)
def test_a_wrong_question_ends_with_2_and_writes_nothing(files, wrong, capsys):
    assert exit_code_of(*files, *wrong) == 2
    assert not Run.objects.filter(mode="replay").exists()


def test_no_file_at_all_ends_with_2(capsys):
    assert exit_code_of() == 2


def test_an_unknown_venue_without_fees_is_named(tmp_path, files):
    unknown = str(write_candles(tmp_path, "mtgox", FLAT))
    assert exit_code_of(files[0], unknown) == 2
    with pytest.raises(BadInput, match="--fees mtgox=maker_bps/taker_bps"):
        call_command("replay", files[0], unknown)
    assert exit_code_of(files[0], unknown, "--fees", "mtgox=5/5", "--json") == 0


@pytest.mark.parametrize("lines", [[], ["nonsense"], [row(1, "1"), row(0, "1")], [row(0, "1"), row(0, "1")]])
def test_a_malformed_file_ends_with_1_and_writes_nothing(tmp_path, files, lines):
    broken = str(write_lines(tmp_path / "binanceus_BTC-USD_1m.csv", lines))
    assert exit_code_of(*files, broken) == 1
    with pytest.raises(MalformedFileError, match=r"binanceus_BTC-USD_1m\.csv, line "):
        call_command("replay", *files, broken)
    assert not Run.objects.filter(mode="replay").exists()


def test_other_recordings_are_refused_by_name_before_their_market_is_asked_for(tmp_path, files):
    pool = tmp_path / "polygon_univ3_USDC-WETH-500_1m_2023-08-13.csv"
    pool.write_text("timestamp,netAmount0\n2023-08-13 00:00:00,1\n")
    assert exit_code_of(*files, str(pool)) == 1
    with pytest.raises(
        MalformedFileError, match=r"polygon_univ3_USDC-WETH-500_1m_2023-08-13\.csv, line 1: the columns"
    ):
        call_command("replay", *files, str(pool))


def test_a_date_that_ends_a_span_includes_its_day_and_an_instant_does_not(tmp_path, capsys):
    days = {0: "20000", 1440: "20000", 2880: "20000"}
    files = [str(write_candles(tmp_path, venue, days)) for venue in ("kraken", "binanceus")]
    told = json.loads(ask(capsys, *files, "--json", "--from", "2023-03-12", "--to", "2023-03-12"))
    assert (list(told["per_day"]), told["refused"]["no_book"]) == (["2023-03-12"], 2 * 1439)
    told = json.loads(ask(capsys, *files, "--json", "--to", "2023-03-11T02:05+02:00"))
    assert told["assumptions"]["before"] == "2023-03-11T00:05:00+00:00"
    assert told["refused"] == {"not_crossed": 2, "no_book": 2 * 4}


def test_what_is_no_instant_is_named_with_its_option(files):
    with pytest.raises(CommandError, match="--from: '2023-02-30' is not a day or an instant"):
        call_command("replay", *files, "--from", "2023-02-30")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--from", "2023-03-12", "--to", "2023-03-10"], "it is from 2023-03-12 00:00 UTC and before 2023-03-11 00:00"),
        (["--from", "2023-03-12"], "holds no minute from 2023-03-12 00:00 UTC: it holds 2023-03-11 00:00 to"),
        (["--recording", "7"], "are two sources: name one of them"),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(files, wrong, said):
    with pytest.raises(BadInput) as error:
        call_command("replay", *files, *wrong)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_runs_are_listed_and_deleted(files, capsys):
    assert ask(capsys, "--list") == "No run is there yet.\n"
    run_id = json.loads(ask(capsys, *files, "--json"))["run"]
    (line,) = json.loads(ask(capsys, "--list", "--json"))["runs"]
    assert (line["run"], line["state"]) == (run_id, "complete")
    assert run_id in ask(capsys, "--list")
    assert exit_code_of("--delete", run_id) == 2
    assert exit_code_of("--delete", "nothing", "--reason", "because") == 2
    told = json.loads(ask(capsys, "--delete", run_id, "--reason", "a trial", "--json"))
    assert told["run"] == run_id
    assert told["rows_deleted"] > 10
    assert not Run.objects.exists()


def test_a_run_that_broke_off_goes_on(files, capsys, monkeypatch):
    whole = json.loads(ask(capsys, *files, "--json"))["digest"]
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("trading.services.replay.run.summarise", _interrupted)
        call_command("replay", *files)
    (broken, _) = json.loads(ask(capsys, "--list", "--json"))["runs"]
    assert (broken["state"], broken["can_resume"]) == ("broken off", True)
    assert json.loads(ask(capsys, "--resume", broken["run"], "--json"))["digest"] == whole
    assert exit_code_of("--resume", broken["run"]) == 2
    assert exit_code_of("--resume", "nothing") == 2


def _interrupted(*args: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.django_db(transaction=True)
def test_a_recording_is_replayed_and_told(capsys):
    recording = store(walk(200))
    told = ask(capsys, "--recording", "--recorded-in", "sim")
    for part in (
        f"Recording {recording.pk} of sim: 200 books of 2 markets",
        "Latency 250 ms, filled at the book",
        "2025",
    ):
        assert part in told
    alone = json.loads(
        ask(capsys, "--recording", str(recording.pk), "--recorded-in", "sim", "--json", "--speed", "1e6")
    )
    assert alone["digest"] in told
    assert exit_code_of("--recording", "999", "--recorded-in", "sim") == 2


@pytest.mark.django_db(transaction=True)
def test_a_replay_through_the_doubles_over_sockets_decides_as_one_inside(capsys):
    store(walk(300, seed=5))
    recorded = ("--recording", "--recorded-in", "sim", "--json")
    inside, relayed = (json.loads(ask(capsys, *recorded, *how)) for how in ((), ("--over-sockets",)))
    assert relayed["digest"] == inside["digest"]
    assert relayed["total"]["executions"] > 0
    assert relayed["assumptions"]["over_sockets"] is True


def test_candles_do_not_go_over_sockets(files):
    assert exit_code_of(*files, "--over-sockets") == 2
    assert not Run.objects.exists()


def test_nothing_named_is_told_so():
    with pytest.raises(BadInput, match="nothing is named to replay"):
        call_command("replay")
