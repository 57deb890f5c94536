"""A model's files: whole or not at all, the same bytes for the same model, and never read when one byte differs."""

import json
import math
import multiprocessing
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Unreachable
from domain.features import FEATURE_HASH, FEATURE_SET
from domain.scores import ModelName
from mlops.bundle import DOCUMENT, BadBundle, Bundle, Calibration, Guard

GUARD = Guard(centres=(0.0, 10.0), scales=(1.0, 2.0), may_be_unknown=(False, True), limit=3.0)


def bundle(**changes):
    told = {
        "model_name": ModelName.ROUTE_SUCCESS,
        "feature_set": FEATURE_SET,
        "feature_hash": FEATURE_HASH,
        "feature_names": ("a", "b"),
        "boosters": {"probability": "tree\n"},
        "guard": GUARD,
        "calibration": Calibration((-1.0, 0.0, 2.0), (0.1, 0.5, 0.9)),
        "breakeven_probability": 0.4,
    }
    return Bundle(**told | changes)


def test_what_is_written_is_read_back_the_same(tmp_path):
    made = bundle()

    folder = made.write(tmp_path)

    assert folder == tmp_path / made.file_hash
    assert Bundle.read(tmp_path, made.file_hash) == made
    assert made.write(tmp_path) == folder
    assert [path.name for path in tmp_path.iterdir()] == [made.file_hash]


def test_without_calibration_it_is_read_back_the_same(tmp_path):
    made = bundle(
        model_name=ModelName.SLIPPAGE,
        boosters={"q10": "low", "q50": "mid", "q90": "high"},
        calibration=None,
        breakeven_probability=None,
    )
    made.write(tmp_path)
    assert Bundle.read(tmp_path, made.file_hash) == made


@given(data=st.data())
def test_any_changed_byte_is_noticed(tmp_path_factory, data):
    directory, made = tmp_path_factory.mktemp("models"), bundle()
    folder = made.write(directory)
    file = folder / data.draw(st.sampled_from(sorted(made.files())))
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)

    with pytest.raises(BadBundle) as error:
        Bundle.read(directory, made.file_hash)
    assert error.value.reason == "tampered"


@pytest.mark.parametrize("spoil", ["another file", "a file less", "a cut file"])
def test_files_that_are_not_those_that_were_written_are_refused(tmp_path, spoil):
    made = bundle()
    folder = made.write(tmp_path)
    if spoil == "another file":
        (folder / "more.txt").write_text("tree")
    elif spoil == "a file less":
        (folder / "probability.txt").unlink()
    else:
        (folder / DOCUMENT).write_bytes(b"{")
    with pytest.raises(BadBundle) as error:
        Bundle.read(tmp_path, made.file_hash)
    assert error.value.reason == "tampered"


def test_a_folder_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(BadBundle) as error:
        Bundle.read(tmp_path, bundle().file_hash)
    assert error.value.reason == "missing"


@pytest.mark.parametrize(
    "change", [{"format": 99}, {"guard": {}}, {"guard": 5}, {"model_name": "oracle"}, {"boosters": ["q50"]}]
)
def test_sound_files_that_say_what_cannot_be_are_broken(tmp_path, change):
    told = json.loads(bundle().files()[DOCUMENT]) | change
    assert why_not_of(json.dumps(told), tmp_path) == "broken"


@pytest.mark.parametrize(
    "document", ["", "7", "null", '"text"', "[]", "[" * 100_000, "{" * 10], ids=lambda one: one[:4]
)
def test_a_sound_file_that_is_no_document_is_broken(tmp_path, document):
    assert why_not_of(document, tmp_path) == "broken"


def why_not_of(document, directory):
    made = bundle()

    class Spoilt(Bundle):
        def files(self):
            return {**made.files(), DOCUMENT: document.encode()}

    spoilt = Spoilt(**{name: getattr(made, name) for name in Bundle.__slots__})
    spoilt.write(directory)
    with pytest.raises(BadBundle) as error:
        Bundle.read(directory, spoilt.file_hash)
    return error.value.reason


@pytest.mark.parametrize("spoil", ["a changed byte", "a file", "a link to nowhere", "a pipe"])
def test_writing_a_model_again_restores_what_was_spoilt(tmp_path, spoil):
    made = bundle()
    folder = made.write(tmp_path)
    if spoil == "a changed byte":
        (folder / "probability.txt").write_text("Tree\n")
    elif spoil == "a pipe":
        os.mkfifo(folder / "pipe")
    else:
        shutil.rmtree(folder)
        folder.write_text("no folder") if spoil == "a file" else folder.symlink_to("/nowhere")

    assert made.write(tmp_path) == folder

    assert Bundle.read(tmp_path, made.file_hash) == made
    assert [path.name for path in tmp_path.iterdir()] == [made.file_hash]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("plant", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_is_never_opened(tmp_path, plant):
    made = bundle()
    plant(made.write(tmp_path) / "planted")
    with pytest.raises(BadBundle, match="is no file") as error:
        Bundle.read(tmp_path, made.file_hash)
    assert error.value.reason == "tampered"


def test_a_folder_that_takes_no_files_is_named(tmp_path):
    (tmp_path / "models").write_text("no folder")
    with pytest.raises(Unreachable, match=f"cannot be written to {tmp_path}"):
        bundle().write(tmp_path / "models")


def test_two_processes_that_write_the_same_model_leave_it_whole(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=bundle().write, args=(tmp_path,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert Bundle.read(tmp_path, bundle().file_hash) == bundle()
    assert [path.name for path in tmp_path.iterdir()] == [bundle().file_hash]


@given(st.floats(-5, 5))
def test_a_calibration_rises_with_the_score_and_stays_within_its_table(score):
    table = Calibration((-1.0, 0.0, 2.0), (0.1, 0.5, 0.9))
    assert 0.1 <= table(score) <= 0.9
    assert table(score) <= table(score + 0.5)


def test_a_calibration_goes_through_its_points_and_straight_between_them():
    table = Calibration((-1.0, 0.0, 2.0), (0.1, 0.5, 0.9))
    assert [table(score) for score in (-3.0, -1.0, -0.5, 0.0, 1.0, 2.0, 9.0)] == pytest.approx(
        [0.1, 0.1, 0.3, 0.5, 0.7, 0.9, 0.9]
    )


@pytest.mark.parametrize(
    ("values", "distance"),
    [
        ((0.0, 10.0), 0.0),
        ((3.0, 10.0), math.sqrt(4.5)),
        ((3.0, math.nan), 3.0),  # what may be unknown is left out
        ((math.nan, 10.0), math.inf),  # what was always known is not
        ((math.inf, 10.0), math.inf),
        ((0.0, math.inf), math.inf),
        ((1e9, 10.0), math.sqrt(50.0)),  # no single feature weighs more than its cut
    ],
)
def test_the_distance_from_what_was_seen(values, distance):
    assert GUARD.distance(values) == pytest.approx(distance)
