"""``manage.py validate_models``: what it prints and keeps, and the exit code of each way of asking."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from arbsite.management.commands.validate_models import Command
from domain.scope import Mode, Scope
from domain.scores import ModelName
from tests.arbsite.commands.endings import ending_of
from tests.mlops.serving.placed import TAG, place, version_of
from tests.mlops.stored import SCOPE, store
from trading.models import Run

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[3]
FIRST = datetime(2026, 3, 11, tzinfo=UTC)
SPAN = ("--from", "2026-03-11", "--to", "2026-03-12")


@pytest.fixture(autouse=True)
def arb(settings, tmp_path):
    settings.ARB = replace(
        settings.ARB, models=replace(settings.ARB.models, directory=tmp_path / "models"), log_dir=tmp_path / "logs"
    )
    return settings.ARB


@pytest.fixture
def judged():
    for model in ModelName:
        place(version_of(model, scope=SCOPE, data_to=FIRST - timedelta(hours=1)))
    store(200, first=FIRST)


def ending(capsys, *args: str) -> tuple[int, str, str]:
    return ending_of(Command(), "validate_models", capsys, args)


def test_the_report_names_every_model_with_what_is_expected(capsys, judged):
    code, out, _ = ending(capsys, *SPAN)
    assert code == 0
    assert "The scores would have refused" in out
    for expected in ("60 to 70 %", "$5 to $15", "5 to 15 bps", "no verdict, that takes 2,000"):
        assert expected in " ".join(out.split())
    assert "Kept as" not in out


def test_json_is_one_object_with_one_entry_per_model(capsys, judged):
    code, out, _ = ending(capsys, *SPAN, "--json", "--fail-under", "0.55")
    told = json.loads(out)
    assert code == 0
    assert {name: entry["version"] for name, entry in told["models"].items()} == dict.fromkeys(ModelName, TAG)
    assert told["models"]["route_success_predictor"]["n"] == 200
    assert told["gate"] == {"least_accuracy": 0.55, "is_met": True, "why": ""}
    assert (told["from"], told["to"]) == ("2026-03-11T00:00:00+00:00", "2026-03-13T00:00:00+00:00")


@pytest.mark.parametrize("stated", ["0.999", "99.9%"])
def test_an_accuracy_below_the_least_that_is_accepted_is_exit_3(capsys, judged, stated):
    code, out, err = ending(capsys, *SPAN, "--fail-under", stated)
    assert code == 3
    assert "below the 99.9 % asked for" in err
    assert "Measured and expected" in out  # the report is printed all the same


def test_an_accuracy_that_could_not_be_measured_is_no_accuracy(capsys):
    code, out, err = ending(capsys, "--fail-under", "0.5")
    assert code == 3
    assert "could not be measured" in err
    assert "There is no outcome to judge by in sim" in out
    assert "train route_success_predictor makes one" in out.replace("\n  ", " ")


def test_without_models_or_outcomes_it_says_so_and_nothing_has_failed(capsys):
    assert ending(capsys)[0] == 0


def test_the_report_is_kept_as_text_and_as_a_page(capsys, judged, arb, tmp_path):
    page = tmp_path / "page.html"
    code, out, _ = ending(capsys, *SPAN, "--save-report", "--html", str(page))
    assert code == 0
    assert f"Kept as {arb.log_dir / 'model_validation.txt'}" in out
    assert (arb.log_dir / "model_validation.txt").read_text() == out[: out.index("Kept as")]
    assert page.read_text().count("<svg") == 6
    told = json.loads(ending(capsys, *SPAN, "--html", "--json")[1])
    assert told["kept"] == [str(arb.log_dir / "model_validation.html")]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--from", "2026-03-12", "--to", "2026-03-11T10:00"), "the span from 2026-03-12 00:00 to 2026-03-11 10:00"),
        (("--days", "3", "--from", "2026-03-01"), "two ways to say where the span begins"),
        (("--mode", "replay", "--run", "nowhere"), "there is no replay run 'nowhere'"),
        (("--mode", "sim", "--html", "/"), "is a folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(capsys, args, says):
    code, _, err = ending(capsys, *args)
    assert code == 2
    assert says in err


@pytest.mark.parametrize("stated", ["60", "much", "-0.1", "nan"])
def test_what_is_no_share_is_refused(capsys, stated):
    code, _, err = ending(capsys, f"--fail-under={stated}")
    assert code == 2
    assert "is no share" in err


def test_in_a_replay_now_is_its_last_instant(capsys, judged):
    scope = Scope(Mode.REPLAY, "run-1")
    Run.objects.create(
        **scope.columns, command="replay", started_at=FIRST, settings={}, last_instant=FIRST + timedelta(hours=2)
    )
    store(90, first=FIRST, scope=scope)
    store(10, first=FIRST - timedelta(days=1, minutes=30), scope=scope)
    told = json.loads(ending(capsys, "--mode", "replay", "--days", "1", "--json")[1])
    assert (told["run_id"], told["outcomes"], told["to"]) == ("run-1", 90, "2026-03-11T02:00:01+00:00")


def test_the_seed_s_script_takes_the_seed_s_options():
    said = subprocess.run(
        [sys.executable, "scripts/validate_models.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {"--days", "--save-report", "--html", "--fail-under", "--json"} <= set(said.split())
