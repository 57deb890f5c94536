"""``manage.py train``: what it prints and registers, and the exit code of each way of asking it wrongly."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from arbsite.management.commands.train import Command
from domain.scope import Mode, Scope
from domain.secret import Secret
from mlops.models import ModelAlias, ModelVersion
from mlops.services import mirroring
from tests.arbsite.commands.endings import ending_of
from tests.mlops.test_training import NOW, keep, sample
from trading.models import Run

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[3]
RUN = Scope(Mode.REPLAY, "r1")


@pytest.fixture(autouse=True)
def arb(settings, tmp_path):
    """Keep files apart, and MLflow away: what it is told has tests of its own."""
    models = replace(settings.ARB.models, directory=tmp_path / "models", mlflow_uri=Secret("http://127.0.0.1:1"))
    settings.ARB = replace(settings.ARB, models=models)
    return settings.ARB


@pytest.fixture
def told(monkeypatch):
    """Return which versions MLflow was told of."""
    found: list[int] = []
    monkeypatch.setattr(mirroring, "mirror", found.append)
    return found


def ending(capsys, *args: str) -> tuple[int, str, str]:
    return ending_of(Command(), "train", capsys, args)


def test_below_fifty_outcomes_it_says_how_many_are_missing_and_ends_with_three(capsys):
    keep(sample(number) for number in range(12))
    code, out, err = ending(capsys)
    assert (code, out) == (3, "")
    assert "12 executed and settled samples, 50 are needed, 38 are missing; nothing is registered" in err
    assert not ModelVersion.objects.exists()


def test_too_few_outcomes_are_one_object_as_json(capsys):
    code, out, _ = ending(capsys, "--json")
    assert code == 3
    assert json.loads(out) == {
        "error": "too_few_outcomes",
        "have": 0,
        "needed": 50,
        "missing": 50,
        "scope": {"mode": "sim", "run_id": ""},
    }


def test_all_models_are_trained_registered_and_told_of(capsys, told):
    keep(sample(number) for number in range(240))
    code, out, _ = ending(capsys)
    assert code == 0
    assert "240 labelled samples of 2026-03-08 12:00 to 19:58 UTC: 240 executed, 0 near misses" in out
    assert out.count("20") > 3
    assert sorted(told) == sorted(ModelVersion.objects.values_list("pk", flat=True))
    assert ModelAlias.objects.count() == 3
    assert not ModelVersion.objects.filter(is_synthetic=True).exists()


def test_json_holds_each_model_with_its_version_and_figures(capsys, told):
    keep(sample(number) for number in range(240))
    code, out, _ = ending(capsys, "profit_maximizer", "--json", "--seed", "3")
    found = json.loads(out)
    assert code == 0
    assert list(found["models"]) == ["profit_maximizer"]
    row = ModelVersion.objects.get()
    shown = found["models"]["profit_maximizer"]
    assert (shown["tag"], shown["file_hash"], row.seed) == (row.tag, row.file_hash, 3)
    assert shown["alias"] == ("champion" if row.has_skill else "challenger")
    assert found["samples"]["executed"] == 240


def test_a_dry_run_trains_and_registers_nothing(capsys, told):
    keep(sample(number) for number in range(120))
    code, out, _ = ending(capsys, "slippage_predictor", "--dry-run")
    assert code == 0
    assert "not kept" in out
    assert not ModelVersion.objects.exists()
    assert told == []


def test_a_model_of_the_simulated_market_is_marked(capsys, told):
    code, out, _ = ending(capsys, "profit_maximizer", "--synthetic", "--samples", "300", "--json")
    assert code == 0
    assert json.loads(out)["is_synthetic"]
    assert ModelVersion.objects.get().is_synthetic


def test_what_came_after_the_span_is_not_learnt_from_even_where_it_was_decided_before(capsys):
    Run.objects.create(**RUN.columns, command="replay", settings={}, started_at=NOW)
    late = NOW + timedelta(hours=1)
    keep((sample(number, known_at=late) for number in range(60)), scope=RUN)
    code, _, err = ending(capsys, "--mode", "replay", "--to", NOW.strftime("%Y-%m-%dT%H:%M"))
    assert code == 3
    assert "0 executed" in err


def test_a_replay_is_trained_on_by_itself_and_says_where_to_look_next(capsys, told):
    Run.objects.create(**RUN.columns, command="replay", settings={}, started_at=NOW)
    keep((sample(number) for number in range(120)), scope=RUN)
    code, out, _ = ending(capsys, "profit_maximizer", "--mode", "replay")
    assert code == 0
    assert "manage.py validate_models --mode replay --run r1" in out
    assert ModelVersion.objects.get().scope == RUN
    assert told == []  # of a replay's models MLflow hears nothing


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--synthetic", "--days", "3"], 2, "--synthetic takes no"),
        (["--samples", "100"], 2, "goes with --synthetic"),
        (["--days", "3", "--from", "2026-03-01"], 2, "choose one"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], 2, "holds nothing"),
        (["--synthetic", "--mode", "live"], 4, "never trained"),
        (["--mode", "replay", "--run", "nowhere"], 2, "no replay run 'nowhere'"),
        (["--mode", "sim", "--run", "nowhere"], 2, "no sim run 'nowhere'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(capsys, args, code, said):
    ended, _, err = ending(capsys, *args)
    assert ended == code
    assert said in err


@pytest.mark.parametrize("args", [["seer"], ["--seed", "-1"], ["--samples", "0"], ["--days", "0"], ["--days", "x"]])
def test_an_argument_that_is_none_ends_with_two_and_is_named(capsys, args):
    code, _, err = ending(capsys, *args)
    assert code == 2
    assert f"'{args[-1]}'" in err
    assert "ModelName" not in err


def test_one_class_registers_nothing_and_ends_with_two(capsys):
    keep(sample(number, settled_net_usd=1.0) for number in range(70))
    code, _, err = ending(capsys)
    assert code == 2
    assert "one class only: all 70" in err
    assert not ModelVersion.objects.exists()


def test_the_script_that_bootstraps_takes_the_options_of_train():
    script = ROOT / "scripts" / "bootstrap_ml_models.py"
    ended = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True, timeout=120)
    assert "--synthetic" in ended.stdout
