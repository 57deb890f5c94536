"""Pages as files: whole or not there, and nothing of anybody else's is written over."""

from pathlib import Path

import pytest

from domain.errors import BadInput
from ops.page_files import check_writable, write_whole


def test_a_page_is_written_over_the_one_before_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "page.html"
    for text in ("<!doctype html>one", "<!doctype html>two"):
        check_writable(path)
        write_whole(path, text)
    assert path.read_text() == "<!doctype html>two"
    assert list(tmp_path.iterdir()) == [path]


def test_where_a_page_cannot_be_written_is_said_before_it_is_made(tmp_path):
    with pytest.raises(BadInput, match="is a folder: name a file"):
        check_writable(tmp_path)
    with pytest.raises(BadInput, match=r"there is no folder .*missing"):
        check_writable(tmp_path / "missing" / "report.html")
    with pytest.raises(BadInput, match=r"--html /proc/report\.html cannot be written"):
        check_writable(Path("/proc/report.html"))


def test_what_is_no_page_is_named_and_left_alone(tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    for path in (notes, Path("/dev/null")):
        with pytest.raises(BadInput, match="holds something else than a page"):
            check_writable(path)
    assert notes.read_text() == "mine"


def test_a_folder_that_is_not_there_is_told_by_whoever_writes(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_whole(tmp_path / "gone" / "page.html", "<!doctype html>")
