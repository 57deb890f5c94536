"""The programs: those of the server's own version, an older one refused by its number."""

import pytest

from arbsite.backups.programs import find_program
from arbsite.embedded.binaries import client_programs
from domain.errors import Refused


def program(folder, version, name="pg_dump"):
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
    file.chmod(0o755)
    return file


def test_the_embedded_servers_own_is_taken_for_its_version():
    assert find_program("pg_dump", major=18, folder=None) == client_programs() / "pg_dump"


def test_the_named_folder_is_the_only_one_looked_in(tmp_path):
    ours = program(tmp_path, "18.1")
    assert find_program("pg_dump", major=18, folder=tmp_path) == ours
    with pytest.raises(Refused, match="found: none"):
        find_program("pg_dump", major=18, folder=tmp_path / "nowhere")


def test_an_older_one_is_refused_with_its_version_and_what_to_do(tmp_path):
    program(tmp_path, "15.18 (Debian 15.18-0+deb12u1)")
    with pytest.raises(
        Refused, match=rf"PostgreSQL 17.*found: 15 in {tmp_path}.*postgresql-client-17.*ARB_PG_PROGRAMS"
    ):
        find_program("pg_dump", major=17, folder=tmp_path)


@pytest.mark.parametrize(("version", "major", "fits"), [("18.0", 17, True), ("18.0", 16, False), ("19beta1", 18, True)])
def test_a_newer_one_will_do_where_what_it_writes_is_read_by_older_servers(tmp_path, version, major, fits):
    newer = program(tmp_path, version)
    if fits:
        assert find_program("pg_dump", major=major, folder=tmp_path) == newer
    else:
        with pytest.raises(Refused, match=f"PostgreSQL {major}"):
            find_program("pg_dump", major=major, folder=tmp_path)


def test_what_does_not_run_has_no_version(tmp_path):
    program(tmp_path, "18.0").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(Refused, match="found: 0 in"):
        find_program("pg_dump", major=18, folder=tmp_path)
