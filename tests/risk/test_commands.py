"""halt, resume and breakers as a person runs them."""

import json
import os
import subprocess
import sys
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from domain.breakers import BreakerKind
from domain.errors import BadInput, Refused, Unreachable
from ops.models import OperatorAction
from risk import stopfile
from risk.models import Breaker, Gate
from risk.services import trip
from tests.risk.samples import NOW, OTHER, SCOPE, ask
from tests.risk.test_halting import unreachable_database

pytestmark = pytest.mark.django_db


def run(*words):
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_halt_and_resume_switch_both_parts_and_answer_with_one_object(stop_file):
    ask(1)
    halted = json.loads(run("halt", "--reason", "odd fills", "--json"))

    assert halted == {"action": "halt", "dry_run": False, "stop_file": "done", "gates": "done"}
    assert stop_file.exists()
    assert Gate.objects.get().state == "halted"

    resumed = run("resume", "--reason", "explained")
    assert resumed == "stop_file: done\ngates: done\n"
    assert not stop_file.exists()
    assert OperatorAction.objects.order_by("id").last().reason == "explained"


@pytest.mark.parametrize("command", ["halt", "resume"])
def test_without_a_reason_nothing_is_switched(command, stop_file):
    with pytest.raises(BadInput, match="--reason is missing"):
        run(command)
    assert not stop_file.exists()


def test_a_dry_run_switches_nothing(stop_file):
    assert json.loads(run("halt", "--reason", "x", "--dry-run", "--json")) == {"action": "halt", "dry_run": True}
    assert not stop_file.exists()
    assert Gate.objects.count() == 0


def test_a_halt_of_one_run_leaves_the_gates_of_others():
    ask(1)
    ask(1, scope=OTHER)
    run("halt", "--reason", "x", "--mode", "replay", "--run", "run-1")

    assert Gate.objects.in_scope(OTHER).get().state == "halted"
    assert Gate.objects.in_scope(SCOPE).get().state == "active"


def test_a_run_outside_replay_is_named():
    with pytest.raises(BadInput, match="--run is 'x', but the mode is sim"):
        run("breakers", "--run", "x")


@pytest.mark.django_db(transaction=True)
def test_a_halt_with_the_database_down_says_what_holds_and_fails_as_a_dependency(stop_file):
    out = StringIO()
    with unreachable_database(), pytest.raises(Unreachable, match="the gate rows were not changed"):
        call_command("halt", "--reason", "x", "--json", stdout=out)

    assert json.loads(out.getvalue())["stop_file"] == "done"
    assert stop_file.exists()


def test_breakers_lists_states_gate_and_limits():
    trip(BreakerKind.WIN_RATE, scope=SCOPE, reason="too few wins", now=NOW)
    shown = json.loads(run("breakers", "--json"))

    states = {row["kind"]: row["state"] for row in shown["breakers"]}
    assert states.pop("win_rate") == "open"
    assert len(states) == 6
    assert set(states.values()) == {"closed"}
    assert (shown["mode"], shown["run_id"], shown["gate"], shown["may_open"]) == ("sim", "", "active", False)
    assert shown["limits"]["max_trade_usd"] == {"limit": "1000", "used": "0", "left": "1000"}
    assert "  win_rate              open       too few wins\n" in run("breakers", "list")


def test_breakers_shows_the_last_run_of_replay_by_default():
    ask(1, scope=OTHER)
    assert json.loads(run("breakers", "--mode", "replay", "--json"))["run_id"] == "run-1"


def test_breakers_recover_takes_the_name_in_any_case_and_needs_a_reason():
    trip(BreakerKind.WIN_RATE, scope=SCOPE, reason="too few wins", now=NOW)
    with pytest.raises(BadInput, match="--reason is missing"):
        run("breakers", "recover", "win_rate")
    run("breakers", "recover", "WIN_RATE", "--reason", "fees corrected", "--dry-run")
    assert Breaker.objects.get(kind="win_rate").state == "open"

    run("breakers", "recover", "WIN_RATE", "--reason", "fees corrected")

    assert Breaker.objects.get(kind="win_rate").state == "half_open"


def test_breakers_recover_names_what_it_cannot_recover():
    with pytest.raises(BadInput, match="'mood' is no breaker: name one of"):
        run("breakers", "recover", "mood", "--reason", "x")
    with pytest.raises(Refused, match="is closed"):
        run("breakers", "recover", "drawdown", "--reason", "x")
    with pytest.raises(CommandError, match="invalid choice: 'explode'"):
        run("breakers", "explode")


def test_breakers_reset_closes_all_of_them():
    trip(BreakerKind.WIN_RATE, scope=SCOPE, reason="a", now=NOW)
    trip(BreakerKind.DRAWDOWN, scope=SCOPE, reason="b", now=NOW)
    with pytest.raises(BadInput, match="reset takes no breaker"):
        run("breakers", "reset", "drawdown", "--reason", "drill is over")

    shown = json.loads(run("breakers", "reset", "--reason", "drill is over", "--json"))

    assert {row["state"] for row in shown["breakers"]} == {"closed"}


@pytest.mark.parametrize(
    ("arguments", "is_written"),
    [
        (["--reason", "odd fills"], True),
        (["--reason=odd fills", "--json", "--mode", "sim"], True),
        ([], False),
        (["--reason", " "], False),
        (["--reason"], False),
        (["--reason", "x", "--dry-run"], False),
        (["--reason", "x", "--bogus"], False),
        (["--reason", "x", "--mode", "fun"], False),
    ],
)
def test_the_stop_file_is_written_ahead_for_a_sound_halt_alone(tmp_path, arguments, is_written):
    path = tmp_path / "STOP"

    assert stopfile.write_ahead(path, arguments, now=NOW) is is_written
    assert stopfile.is_present(path) is is_written


def test_with_every_server_down_the_halt_is_in_place_and_the_exit_code_tells_of_the_dependency(tmp_path):
    path = tmp_path / "STOP"
    nobody = {"DATABASE_URL": "postgres://x:y@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0"}
    ended = subprocess.run(
        [sys.executable, "manage.py", "halt", "--reason", "the database is down", "--json"],
        env=os.environ | nobody | {"ARB_STOP_FILE": str(path)},
        cwd=settings.ARB.checkout,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 5
    assert json.loads(path.read_text())["reason"] == "the database is down"
    answer = json.loads(ended.stdout)
    assert answer["stop_file"] == "done"
    assert "refused" in answer["gates"]
    assert ended.stderr.splitlines()[0] == "the stop file is written: from now on no opening order is sent"
