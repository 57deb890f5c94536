"""The shelf of backups: only whole ones count, old ones go, and nobody works on it twice at once."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from arbsite.backups import manifest, newest_verified_at, shelf
from arbsite.backups.manifest import Dumped, Manifest, ModelFile, Table
from domain.errors import BadInput, Refused, Unreachable

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def made(directory, *, days_ago=0, is_verified=False):
    """Put a small backup on the shelf and return its folder."""
    at = NOW - timedelta(days=days_ago)
    with shelf.being_made(directory, now=at) as draft:
        (draft / "database.dump").write_bytes(b"rows")
        table = Table("trading_order", 1, "7", {"quantity": "1.000000000000000001"})
        migrations = (("risk", "0001_risk_tables"),)
        digest = shelf.digest_of(draft / "database.dump")
        dumped = Dumped("", "database.dump", 4, digest, "18.6", 18, {"plpgsql": "1.0"}, migrations, (table,))
        Manifest(shelf.name_of(draft), at, "abc", (dumped,), ()).write(draft)
    folder = directory / shelf.names(directory)[-1]
    if is_verified:
        shelf.note_verified(folder, manifest.read(folder), now=NOW, seconds=1)
    return folder


@pytest.fixture
def directory(tmp_path):
    with shelf.alone(tmp_path / "backups"):
        pass
    return tmp_path / "backups"


def test_a_folder_in_which_nothing_can_be_kept_is_named_with_its_setting(tmp_path):
    (tmp_path / "backups").write_text("no folder")
    with pytest.raises(Unreachable, match=rf"ARB_BACKUP_DIR is {tmp_path}/backups, which cannot be made a folder"):
        with shelf.alone(tmp_path / "backups"):
            pass


def test_a_manifest_is_read_as_it_was_written(directory):
    folder = made(directory)
    told = manifest.read(folder)
    assert told.databases[0].tables[0].sums == {"quantity": "1.000000000000000001"}
    assert (told.name, told.made_at, told.databases[0].rows) == ("20261122_120000", NOW, 1)
    shelf.check_files(folder, told)


def test_what_fails_half_way_leaves_nothing(directory):
    def fail():
        with shelf.being_made(directory, now=NOW) as draft:
            (draft / manifest.FILE).write_text("{}")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    assert (shelf.names(directory), list(directory.glob("2*"))) == ([], [])


def test_what_a_kill_left_is_no_backup_and_is_cleared_away(directory):
    left = directory / f"20261121_000000{shelf.PARTIAL}"
    left.mkdir()
    (left / manifest.FILE).write_text("{}")
    assert shelf.names(directory) == []
    with shelf.alone(directory):
        assert not left.exists()


def test_two_commands_never_work_on_it_at_once(directory):
    with (
        shelf.alone(directory),
        pytest.raises(Refused, match="under way"),
        shelf.alone(directory),
    ):
        pass


def test_two_backups_of_one_second_have_two_names(directory):
    assert made(directory).name != made(directory).name


def test_a_backup_is_found_by_name_or_as_the_latest_and_another_name_is_told_so(directory):
    with pytest.raises(BadInput, match="there is no backup in"):
        shelf.find(directory, shelf.LATEST)
    old, new = made(directory, days_ago=1), made(directory)
    assert (shelf.find(directory, old.name), shelf.find(directory, shelf.LATEST)) == (old, new)
    with pytest.raises(BadInput, match="'yesterday'; the latest is 20261122_120000"):
        shelf.find(directory, "yesterday")


@pytest.mark.parametrize("spoil", ["cut", "flip", "gone", "link"])
def test_a_spoilt_dump_is_refused_by_name(directory, spoil):
    folder = made(directory)
    dump = folder / "database.dump"
    if spoil == "cut":
        dump.write_bytes(b"row")
    if spoil == "flip":
        dump.write_bytes(b"rowS")
    if spoil in ("gone", "link"):
        dump.unlink()
    if spoil == "link":
        dump.symlink_to("/etc/hostname")
    with pytest.raises(Refused, match=r"database\.dump"):
        shelf.check_files(folder, manifest.read(folder))


def test_an_altered_manifest_is_refused(directory):
    folder = made(directory)
    file = folder / manifest.FILE
    file.write_text(file.read_text().replace('"rows": 1', '"rows": 2'))
    with pytest.raises(Refused, match="was altered"):
        manifest.read(folder)
    file.write_text("{")
    with pytest.raises(Refused, match="no manifest that can be read"):
        manifest.read(folder)


def test_a_model_file_that_is_missing_is_named(directory):
    folder = made(directory)
    told = manifest.read(folder)
    lacking = Manifest(
        told.name, told.made_at, told.commit, told.databases, (ModelFile("models/a/model.json", 1, "0"),)
    )
    with pytest.raises(Refused, match=r"lacks models/a/model\.json"):
        shelf.check_files(folder, lacking)


def test_the_newest_verified_backup_is_the_newest_that_was_proved_as_it_is(directory):
    assert newest_verified_at(directory) is None
    assert newest_verified_at(directory / "nowhere") is None
    made(directory, days_ago=2, is_verified=True)
    made(directory, days_ago=1)
    assert newest_verified_at(directory) == NOW - timedelta(days=2)
    stale = made(directory, is_verified=True)
    (stale / shelf.VERIFIED).write_text('{"digest": "of another"}')
    assert newest_verified_at(directory) == NOW - timedelta(days=2)


def test_a_proof_that_cannot_be_noted_leaves_nothing_half_written(directory):
    folder = made(directory)
    (folder / shelf.VERIFIED).mkdir()
    with pytest.raises(IsADirectoryError):
        shelf.note_verified(folder, manifest.read(folder), now=NOW, seconds=1)
    assert sorted(path.name for path in folder.iterdir()) == ["database.dump", manifest.FILE, shelf.VERIFIED]


def test_old_backups_go_but_never_the_newest_nor_the_last_that_was_proved(directory):
    proved = made(directory, days_ago=40, is_verified=True)
    doomed = made(directory, days_ago=30)
    newest = made(directory, days_ago=20)
    assert shelf.prune(directory, keep_days=14, now=NOW) == [doomed.name]
    assert shelf.names(directory) == [proved.name, newest.name]


def planted(directory, **changes):
    """Put a backup on the shelf whose manifest was changed by somebody who made its digest anew."""
    folder = made(directory)
    told = json.loads((folder / manifest.FILE).read_text()) | changes
    del told["digest"]
    digest = sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    (folder / manifest.FILE).write_text(json.dumps(told | {"digest": digest}))
    return folder


def of_database(directory, **changes):
    told = json.loads((made(directory, days_ago=1) / manifest.FILE).read_text())
    return [told["databases"][0] | changes]


@pytest.mark.parametrize(
    "path",
    [
        "models/../../../etc/cron.d/job",
        "/etc/passwd",
        "../models/a",
        "models",
        "models/.draft/a",
        "models//a",
        "models/\x1b[2J",
        "",
    ],
)
def test_a_model_that_would_be_written_elsewhere_is_refused(directory, path):
    folder = planted(directory, models=[{"path": path, "bytes": 1, "sha256": "0"}])
    with pytest.raises(Refused, match="names a file that is no model"):
        manifest.read(folder)


@pytest.mark.parametrize(
    "changes", [{"file": "../other/database.dump"}, {"file": "/etc/passwd"}, {"suffix": "_verify"}]
)
def test_a_dump_from_elsewhere_or_of_no_mode_of_ours_is_refused(directory, changes):
    folder = planted(directory, databases=of_database(directory, **changes))
    with pytest.raises(Refused, match="names a dump that is none of ours"):
        manifest.read(folder)


def test_a_database_that_is_named_twice_is_refused(directory):
    folder = planted(directory, databases=of_database(directory) * 2)
    with pytest.raises(Refused, match="one database twice"):
        manifest.read(folder)


@pytest.mark.parametrize("changes", [{"models": [1]}, {"databases": [{}]}, {"made_at": "noon"}, {"models": None}])
def test_a_manifest_of_another_shape_is_refused(directory, changes):
    folder = planted(directory, **changes)
    with pytest.raises(Refused, match="is none of ours"):
        manifest.read(folder)


def test_a_backup_under_another_name_is_not_taken_for_the_latest(directory):
    folder = made(directory)
    renamed = folder.rename(directory / "20991231_000000")
    with pytest.raises(Refused, match="was renamed: its manifest calls it '20261122_120000'"):
        manifest.read(renamed)


def test_a_folder_of_a_backup_that_leads_elsewhere_is_refused(directory, tmp_path):
    folder = made(directory)
    (tmp_path / "model.json").write_text("{}")
    (folder / "models").symlink_to(tmp_path)
    told = manifest.read(folder)
    model = ModelFile("models/model.json", 2, shelf.digest_of(tmp_path / "model.json"))
    with pytest.raises(Refused, match=r"lacks models/model\.json"):
        shelf.check_files(folder, replace(told, models=(model,)))
