"""LightGBM's C library: the same answers as its Python package, and never a crash over a spoilt text."""

import ctypes
import gc
import math
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.serving import native
from mlops.serving.booster_text import BrokenBooster
from mlops.serving.native import Booster, Library, NoLightGBM, row_of
from tests.mlops.serving.bundles import N_FEATURES, OBJECTIVES, booster, rows_of

TEXT = booster("probability").model_to_string()


def opened(text: str = TEXT) -> Booster:
    return Booster(text, n_features=N_FEATURES)


@pytest.mark.parametrize("role", OBJECTIVES)
def test_it_answers_as_lightgbms_own_package_does(role):
    theirs, rows = booster(role), rows_of(300, seed=9)
    ours = opened(theirs.model_to_string())
    answers = [ours.predict(row_of(row.tolist())) for row in rows]
    assert np.abs(np.array(answers) - theirs.predict(rows)).max() < 1e-12
    assert ours.asked == len(rows)


def test_a_booster_that_never_split_answers_the_same_everywhere():
    import lightgbm

    theirs = lightgbm.train({"verbosity": -1, "num_threads": 1}, lightgbm.Dataset(rows_of(50), np.ones(50)), 3)
    assert opened(theirs.model_to_string()).predict(row_of([0.0] * N_FEATURES)) == 1.0


def test_threads_may_ask_at_once():
    ours, rows = opened(), rows_of(400, seed=3)
    expected, wrong = booster("probability").predict(rows), []

    def ask() -> None:
        for row, answer in zip(rows, expected, strict=True):
            if abs(ours.predict(row_of(row.tolist())) - answer) > 1e-12:
                wrong.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_process_keeps_as_many_threads_as_it_allowed_lightgbm():
    library, before, after = native.library(), ctypes.c_int(), ctypes.c_int()
    library.slow.LGBM_GetMaxThreads(ctypes.byref(before))
    opened()
    library.slow.LGBM_GetMaxThreads(ctypes.byref(after))
    assert before.value == after.value


def test_memory_is_given_back_once_nobody_asks_any_more(monkeypatch):
    freed, library = [], native.library()
    for name in ("LGBM_FastConfigFree", "LGBM_BoosterFree"):
        free = getattr(library.slow, name)
        monkeypatch.setattr(library.slow, name, lambda handle, free=free, name=name: freed.append((name, free(handle))))
    found = opened()
    assert freed == []
    del found
    gc.collect()
    assert freed == [("LGBM_FastConfigFree", 0), ("LGBM_BoosterFree", 0)]


def _without(line: str) -> str:
    return "\n".join(one for one in TEXT.split("\n") if not one.startswith(line))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "\x00\xff" * 100,
        TEXT[:100],
        TEXT[: len(TEXT) // 2],
        TEXT[: TEXT.index("end of trees")],
        _without("feature_names"),
        _without("leaf_value"),
        TEXT.replace("objective=binary", "objective=nothing"),
        TEXT.replace("num_class=1", "num_class=3"),
        TEXT.replace(f"max_feature_idx={N_FEATURES - 1}", "max_feature_idx=400"),
        TEXT.replace("split_feature=", "split_feature=400 ", 1),
        TEXT.replace("left_child=", "left_child=0 ", 1),
        TEXT.replace("threshold=", "threshold=h03 ", 1),
        TEXT.replace("num_leaves=", "num_leaves=9", 1),
        TEXT.replace("num_cat=0", "num_cat=1", 1),
        TEXT.replace("tree_sizes=", "tree_sizes=-1 "),
        TEXT.replace("tree_sizes=", "tree_sizes=x "),
    ],
)
def test_what_is_no_booster_is_refused_in_words(text):
    with pytest.raises(BrokenBooster, match=r"booster|tree"):
        opened(text)


def test_a_node_that_leads_back_is_refused_instead_of_walked_for_ever():
    line = next(one for one in TEXT.split("\n") if one.startswith("left_child="))
    children = line.removeprefix("left_child=").split()
    looping = "left_child=" + " ".join(["0", *children[1:]])
    assert len(looping) == len(line)
    with pytest.raises(BrokenBooster, match="left_child of node 0 is 0"):
        opened(TEXT.replace(line, looping, 1))


@settings(max_examples=150)
@given(st.data())
def test_a_spoilt_text_is_refused_or_answers_with_a_number(data):
    begins = data.draw(st.integers(0, len(TEXT) - 1))
    ends = data.draw(st.integers(begins, min(len(TEXT), begins + 300)))
    spoilt = TEXT[:begins] + data.draw(st.text("0123456789-.e= \nxT", max_size=20)) + TEXT[ends:]
    try:
        found = opened(spoilt)
    except BrokenBooster:
        return
    assert isinstance(found.predict(row_of([0.5] * N_FEATURES)), float)


def test_where_lightgbm_is_not_installed_that_is_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    native.library.cache_clear()
    try:
        with pytest.raises(NoLightGBM, match="LightGBM is not installed"):
            opened()
    finally:
        native.library.cache_clear()


def test_where_its_library_cannot_be_loaded_that_is_said(tmp_path):
    broken = Path(tmp_path, "lib_lightgbm.so")
    broken.write_bytes(b"no library")
    with pytest.raises(NoLightGBM, match="cannot be used"):
        Library(broken)


def test_an_unknown_value_follows_the_branch_that_training_gave_it():
    rows = np.full((1, N_FEATURES), math.nan)
    expected = booster("mean").predict(rows)[0]
    assert opened(booster("mean").model_to_string()).predict(row_of([math.nan] * N_FEATURES)) == pytest.approx(expected)
