"""LightGBM's own C library, asked for a row at a time; its Python package takes seconds to import, and is not."""

import ctypes
import importlib.util
import math
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from domain.errors import Unreachable
from mlops.serving.booster_text import BrokenBooster, check_booster

_PREDICTION, _ALL_TREES, _FLOAT64 = 0, 0, 1  # include/LightGBM/c_api.h: C_API_PREDICT_NORMAL, C_API_DTYPE_FLOAT64
_PARAMETERS = b"num_threads=1 verbosity=-1"
_one_load = threading.Lock()

Row = ctypes.Array[ctypes.c_double]


class NoLightGBM(Unreachable):
    """The library is not installed, or this machine lacks what it needs, such as libgomp."""


class Booster:
    """One booster in memory, asked from any thread; it takes no thread of its own.

    Raises: NoLightGBM; BrokenBooster.
    """

    def __init__(self, text: str, *, n_features: int) -> None:
        self._library = library()
        check_booster(text, n_features=n_features)
        self.asked = 0  # rows so far
        handle = ctypes.c_void_p()
        with _in_this_thread(self._library):
            trees = ctypes.c_int()
            load = self._library.slow.LGBM_BoosterLoadModelFromString
            self._library.check(load(text.encode(), ctypes.byref(trees), ctypes.byref(handle)))
        weakref.finalize(self, self._library.slow.LGBM_BoosterFree, handle)
        self._fast = self._settled(handle, n_features)
        self._predict = self._library.quick.LGBM_BoosterPredictForMatSingleRowFast

    def predict(self, row: Row) -> float:
        """Return what LightGBM's own ``Booster.predict`` returns for this row; ``nan`` where it gives no answer."""
        answer, length = ctypes.c_double(), ctypes.c_int64()
        self.asked += 1
        if self._predict(self._fast, row, ctypes.byref(length), ctypes.byref(answer)):
            return math.nan
        return answer.value

    def _settled(self, handle: ctypes.c_void_p, n_features: int) -> ctypes.c_void_p:
        """Return LightGBM's answer to which rows will come: with it a row costs a few microseconds."""
        fast = ctypes.c_void_p()
        settle = self._library.slow.LGBM_BoosterPredictForMatSingleRowFastInit
        whole = (_PREDICTION, 0, _ALL_TREES, _FLOAT64, n_features, _PARAMETERS)
        self._library.check(settle(handle, *whole, ctypes.byref(fast)))
        weakref.finalize(self, self._library.slow.LGBM_FastConfigFree, fast)  # finalizers run the last first
        return fast


def row_of(values: Sequence[float]) -> Row:
    """Return the values as LightGBM takes them."""
    return (ctypes.c_double * len(values))(*values)


class Library:
    """The library twice: ``slow`` calls let other threads run meanwhile, ``quick`` ones are over before that pays."""

    def __init__(self, path: Path) -> None:
        try:
            self.slow, self.quick = ctypes.CDLL(str(path)), ctypes.PyDLL(str(path))
            self.slow.LGBM_GetLastError.restype = ctypes.c_char_p
            self.slow.LGBM_BoosterLoadModelFromString.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p]
            pointer, number = ctypes.c_void_p, ctypes.c_int
            settle = self.slow.LGBM_BoosterPredictForMatSingleRowFastInit
            settle.argtypes = [pointer, number, number, number, number, ctypes.c_int32, ctypes.c_char_p, pointer]
            self.quick.LGBM_BoosterPredictForMatSingleRowFast.argtypes = [pointer] * 4
            for name in ("LGBM_BoosterFree", "LGBM_FastConfigFree"):
                getattr(self.slow, name).argtypes = [pointer]
        except (OSError, AttributeError) as error:
            raise NoLightGBM(f"LightGBM's library cannot be used: {error}") from None

    def check(self, code: int) -> None:
        """Raise BrokenBooster, in LightGBM's words, where a call did not succeed."""
        if code:
            said = self.slow.LGBM_GetLastError() or b""
            raise BrokenBooster(f"LightGBM cannot read a booster: {said.decode(errors='replace')}")


@cache
def library() -> Library:
    """Return the library of the installed package. Raises: NoLightGBM."""
    package = importlib.util.find_spec("lightgbm")  # finds it and imports nothing
    folders = package.submodule_search_locations if package is not None else None
    for folder in folders or ():
        for path in sorted(Path(folder, "lib").glob("lib_lightgbm.*")):
            return Library(path)
    raise NoLightGBM("LightGBM is not installed")


@contextmanager
def _in_this_thread(known: Library) -> Iterator[None]:
    """Let LightGBM read without threads of its own, which a process that forks later would lose; then as it was."""
    with _one_load:
        allowed = ctypes.c_int()
        known.check(known.slow.LGBM_GetMaxThreads(ctypes.byref(allowed)))
        known.check(known.slow.LGBM_SetMaxThreads(1))
        try:
            yield
        finally:
            known.check(known.slow.LGBM_SetMaxThreads(allowed))
