"""The shelf: each model is loaded once, and again only where its files are no longer what they were."""

import os
import shutil

import pytest

from domain.scores import ModelName
from mlops.bundle import BadBundle
from mlops.serving import Shelf
from tests.mlops.serving.bundles import bundle_of

BUNDLE = bundle_of(ModelName.PROFIT)


@pytest.fixture
def folder(tmp_path):
    return BUNDLE.write(tmp_path)


@pytest.fixture
def shelf(tmp_path, folder) -> Shelf:
    return Shelf(tmp_path)


def why(shelf: Shelf) -> str:
    with pytest.raises(BadBundle) as refused:
        shelf.model(BUNDLE.file_hash)
    return refused.value.reason


def test_a_model_is_loaded_once(shelf):
    assert shelf.model(BUNDLE.file_hash) is shelf.model(BUNDLE.file_hash)
    assert shelf.loads == 1


@pytest.mark.parametrize("name", ["model.json", "mean.txt"])
def test_one_changed_byte_is_noticed_though_the_model_was_loaded(shelf, folder, name):
    shelf.model(BUNDLE.file_hash)
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert why(shelf) == "tampered"


def test_a_byte_is_noticed_though_the_time_of_writing_was_set_back(shelf, folder):
    shelf.model(BUNDLE.file_hash)
    path = folder / "mean.txt"
    told = path.stat()
    with path.open("r+b") as file:
        file.write(b"T")
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert why(shelf) == "tampered"


def test_what_cannot_be_loaded_is_not_read_again_before_its_files_have_changed(shelf, folder):
    content = (folder / "mean.txt").read_bytes()
    (folder / "mean.txt").write_bytes(b"garbage")
    assert why(shelf) == why(shelf) == "tampered"
    assert shelf.loads == 1
    (folder / "mean.txt").write_bytes(content)
    assert shelf.model(BUNDLE.file_hash).bundle == BUNDLE


def test_a_file_that_is_added_is_noticed(shelf, folder):
    shelf.model(BUNDLE.file_hash)
    (folder / "more.txt").write_text("more")
    assert why(shelf) == "tampered"


def test_a_file_or_a_whole_store_that_is_gone_is_noticed_and_may_come_back(shelf, folder, tmp_path):
    shelf.model(BUNDLE.file_hash)
    os.rename(folder / "mean.txt", tmp_path / "kept")
    assert why(shelf) == "tampered"
    shutil.rmtree(folder)
    assert why(shelf) == "missing"
    BUNDLE.write(tmp_path)
    assert shelf.model(BUNDLE.file_hash).bundle == BUNDLE


def test_what_is_no_longer_wanted_is_forgotten(shelf):
    shelf.model(BUNDLE.file_hash)
    shelf.keep_only(set())
    shelf.model(BUNDLE.file_hash)
    assert shelf.loads == 2
