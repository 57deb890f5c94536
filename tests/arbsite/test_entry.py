"""The way in: exit codes, one line on stderr, and the mode that an option names."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from arbsite import entry
from domain.errors import ArbError, BadInput, BadMarketData, Refused, Unreachable

CHECKOUT = Path(__file__).resolve().parents[2]


def _manage(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *argv]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=CHECKOUT, env=os.environ | environ, check=False, timeout=100
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [(BadInput("x"), 2), (Refused("x"), 4), (Unreachable("x"), 5), (BadMarketData("x"), 1), (ArbError("x"), 1)],
)
def test_each_sort_of_error_has_its_exit_code(error, code):
    assert entry.exit_code(error) == code


def test_an_unsound_setting_is_one_line_and_exit_2():
    done = _manage("check", ARB_MAX_TRADE_USD="-5")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ARB_MAX_TRADE_USD is -5; it must be above 0\n"


def test_an_unknown_mode_is_refused_before_anything_starts():
    done = _manage("show_config", "--mode", "production")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "production" in done.stderr


@pytest.mark.parametrize("argv", [("show_config", "--nonsense"), ("nonsense",), ("nonsense", "--help")])
def test_an_unknown_option_or_command_is_exit_2(argv):
    done = _manage(*argv)
    assert done.returncode == 2
    assert "nonsense" in done.stderr


@pytest.mark.parametrize("argv", [("simulate", "--seed", "none"), ("simulate", "--nonsense"), ("show_config", "whole")])
def test_what_is_wrong_with_an_option_is_one_line_that_names_the_help(argv):
    done = _manage(*argv, "--skip-checks")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert argv[-1] in done.stderr
    assert f"(manage.py {argv[0]} --help" in done.stderr


def test_the_help_of_a_command_lists_its_own_options():
    done = _manage("replay", "--help")
    assert done.returncode == 0
    assert "--recording" in done.stdout
    assert "--pythonpath" not in done.stdout


def test_a_migration_of_a_database_that_cannot_be_reached_is_one_line_and_exit_5():
    done = _manage("migrate", DATABASE_URL="postgresql://someone:of-no-account@127.0.0.1:1/nowhere")
    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1
    assert "the database cannot be used" in done.stderr


def test_without_its_packages_a_command_says_how_to_get_them():
    done = subprocess.run(
        [sys.executable, "-S", "manage.py", "help"], capture_output=True, text=True, cwd=CHECKOUT, env={}, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "make environment" in done.stderr


def test_a_server_that_is_down_is_one_line_and_exit_5():
    done = _manage("shell", "-c", "pass", DATABASE_URL="postgresql://u:hunter2@127.0.0.1:9/base")
    assert (done.returncode, done.stderr.count("\n")) == (5, 1)
    assert "127.0.0.1:9" in done.stderr or "base" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_mode_option_chooses_the_settings():
    done = _manage("show_config", "--mode=replay", "--json")
    assert done.returncode == 0
    assert '"scope": "replay"' in done.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("output", "complaint"), [("/dev/full", "there is no space left: [Errno 28] No space left on device\n"), ("", "")]
)
def test_output_that_nobody_takes_ends_with_1_and_no_traceback(output, complaint, unbuffered):
    if output and not Path(output).exists():
        pytest.skip(f"this machine has no {output}")
    end = os.open(output, os.O_WRONLY) if output else _pipe_without_reader()
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", "show_config", "--json"],
            stdout=end,
            stderr=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            check=False,
            timeout=100,
        )
    finally:
        os.close(end)
    assert (done.returncode, done.stderr) == (1, complaint)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_file_that_the_user_may_not_touch_is_one_line_that_names_it(number, capsys, monkeypatch):
    def refused(_argv: list[str]) -> int:
        raise OSError(number, os.strerror(number), "/srv/backups/.lock")

    monkeypatch.setattr(entry, "_run", refused)
    monkeypatch.setattr(entry, "_drop_output", lambda: None)
    assert entry.main(["manage.py", "backup"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("there is no access: ") and said.endswith("'/srv/backups/.lock'\n") and said.count("\n") == 1


def _pipe_without_reader() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer
