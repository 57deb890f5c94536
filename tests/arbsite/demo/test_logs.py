import json
from datetime import UTC, datetime

import pytest

from arbsite.demo.errors import errors_in
from arbsite.demo.journal import Journal
from arbsite.demo.logs import LogReader


def line(level: str, event: str, **fields: str) -> str:
    return json.dumps({"event": event, "level": level, "timestamp": "2026-11-22T08:00:00.5Z"} | fields)


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def reader(tmp_path, journal) -> LogReader:
    return LogReader(tmp_path, journal)


def test_errors_are_found_and_warnings_are_not():
    lines = [line("info", "fine"), line("warning", "handled"), line("error", "bad", error="why"), "banner"]
    (found,) = errors_in(lines, process="stream")
    assert found.text == "bad: why"
    assert found.at == datetime(2026, 11, 22, 8, 0, 0, 500_000, tzinfo=UTC)


def test_an_exception_is_told_by_its_last_line():
    (found,) = errors_in([line("critical", "uncaught", exception="Traceback...\n  File\nValueError: no")], process="x")
    assert found.text == "uncaught: ValueError: no"


def test_a_traceback_outside_any_line_is_found_with_what_was_raised():
    lines = ["Traceback (most recent call last):", '  File "x.py", line 1', "    boom()", "KeyError: 'a'", "after"]
    (found,) = errors_in(lines, process="x")
    assert found.text == "KeyError: 'a'"


def test_lines_are_read_once_and_only_when_they_are_whole(tmp_path, reader):
    log = tmp_path / "stream.log"
    log.write_text(line("error", "one") + "\n" + line("error", "two")[:20])
    reader.read()
    assert [error.text for error in reader.errors] == ["one"]
    log.write_text(line("error", "one") + "\n" + line("error", "two") + "\n")
    reader.read()
    reader.read()
    assert [error.text for error in reader.errors] == ["one", "two"]


def test_a_log_that_was_rotated_is_read_from_its_start(tmp_path, reader):
    log = tmp_path / "stream.log"
    log.write_text((line("info", "fine") + "\n") * 5)
    reader.read()
    log.write_text(line("error", "new") + "\n")
    reader.read()
    assert [error.text for error in reader.errors] == ["new"]


def test_an_error_is_unexpected_unless_something_the_demo_saw_explains_it(tmp_path, reader, journal):
    (tmp_path / "web.log").write_text(line("error", "OperationalError: connection refused") + "\n")
    reader.read()
    assert len(reader.unexpected()) == 1
    journal.gone("PostgreSQL", "no answer", at=datetime(2026, 11, 22, 7, 59, 59, tzinfo=UTC))
    assert reader.unexpected() == []
    assert len(reader.explained()) == 1


def test_an_outage_explains_no_error_that_does_not_speak_of_one(tmp_path, reader, journal):
    (tmp_path / "web.log").write_text(line("error", "KeyError: 'price'") + "\n")
    journal.gone("PostgreSQL", "no answer", at=datetime(2026, 11, 22, 7, 59, 59, tzinfo=UTC))
    reader.read()
    assert len(reader.unexpected()) == 1
