"""The files of one model: boosters as LightGBM text, the rest as one JSON document, in a folder named by their hash.

Nothing in here is code and nothing is unpickled. Written once, whole, and never changed; read only if the hash is that
of the version's row.
"""

import json
import math
import os
import tempfile
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from domain.errors import BadInput, Unreachable
from domain.scores import ModelName

FORMAT = 1
DOCUMENT = "model.json"


class BadBundle(BadInput):
    """Files that cannot be served; ``reason`` is one word for it: missing, tampered or broken."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Calibration:
    """A table from a booster's raw score to a probability: linear between its points, constant beyond them."""

    scores: tuple[float, ...]  # rising
    probabilities: tuple[float, ...]  # never falling

    def __call__(self, score: float) -> float:
        """Return the probability that belongs to a raw score."""
        place = bisect_right(self.scores, score)
        if place == 0:
            return self.probabilities[0]
        if place == len(self.scores):
            return self.probabilities[-1]
        low, high = self.scores[place - 1], self.scores[place]
        share = (score - low) / (high - low)
        return self.probabilities[place - 1] + share * (self.probabilities[place] - self.probabilities[place - 1])


@dataclass(frozen=True, slots=True)
class Guard:
    """What the model saw when it was trained: a candidate too far from that is out of its depth.

    Per feature: the centre and scale, and whether it was ever unknown. The distance is the root mean square of the
    known features' deviations in scales, each cut off at ``cut``; ``limit`` is the greatest that is still judged.
    """

    centres: tuple[float, ...]
    scales: tuple[float, ...]  # above zero
    may_be_unknown: tuple[bool, ...]
    limit: float
    cut: float = 10.0

    def distance(self, values: Sequence[float]) -> float:
        """Return how far the values are from what was seen; infinite where one is unknown that always was known."""
        total, unknown, most = 0.0, 0, self.cut * self.cut
        for value, centre, scale, optional in zip(values, self.centres, self.scales, self.may_be_unknown, strict=True):
            deviation = (value - centre) / scale
            squared = deviation * deviation
            if squared < most:
                total += squared
            elif math.isfinite(value):
                total += most
            elif optional and math.isnan(value):
                unknown += 1
            else:
                return math.inf
        known = len(self.centres) - unknown
        return math.sqrt(total / known) if known else math.inf


@dataclass(frozen=True, slots=True)
class Bundle:
    """One model, ready to be served: ``boosters`` are LightGBM's text by role: ``mean``, ``probability`` or quantiles.

    Quantiles are named ``q10``, ``q50`` and ``q90``. The classifier alone has a calibration and a break-even.
    """

    model_name: ModelName
    feature_set: str
    feature_hash: str
    feature_names: tuple[str, ...]
    boosters: Mapping[str, str]
    guard: Guard
    calibration: Calibration | None = None
    breakeven_probability: float | None = None

    def files(self) -> dict[str, bytes]:
        """Return every file by name; the same bundle gives the same bytes."""
        told = {"format": FORMAT, **asdict(self), "boosters": sorted(self.boosters)}
        document = json.dumps(told, sort_keys=True, indent=1, allow_nan=False)
        texts = {f"{role}.txt": text.encode() for role, text in self.boosters.items()}
        return {DOCUMENT: document.encode(), **texts}

    @property
    def file_hash(self) -> str:
        """Return the SHA-256 over the names and contents of all files, in order."""
        return _hash_of(self.files())

    def write(self, directory: Path) -> Path:
        """Write the files to a folder of ``directory`` named by their hash, whole or not at all; return the folder.

        One of that name whose files are no longer those is replaced. Raises: Unreachable where nothing can be written.
        """
        files = self.files()
        folder = directory / _hash_of(files)
        try:
            if not _holds(folder, files):
                _put(files, folder)
        except OSError as error:
            raise Unreachable(f"model files cannot be written to {directory}: {error.strerror or error}") from error
        return folder

    @classmethod
    def read(cls, directory: Path, file_hash: str) -> Self:
        """Return the bundle whose files have that hash. Raises: BadBundle."""
        files = _read_files(directory / file_hash)
        if _hash_of(files) != file_hash:
            raise BadBundle("tampered", f"the files in {directory / file_hash} are not those that were written")
        try:
            return cls._of(json.loads(files[DOCUMENT]), files)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise BadBundle("broken", f"{DOCUMENT} cannot be read: {type(error).__name__} {error}") from None

    @classmethod
    def _of(cls, told: dict[str, Any], files: Mapping[str, bytes]) -> Self:
        if told.pop("format") != FORMAT:
            raise BadBundle("broken", "it was written in another format")
        calibration, guard = told.pop("calibration"), told.pop("guard")
        return cls(
            model_name=ModelName(told.pop("model_name")),
            feature_names=tuple(told.pop("feature_names")),
            boosters={role: files[f"{role}.txt"].decode() for role in told.pop("boosters")},
            guard=Guard(**_with_tuples(guard)),
            calibration=None if calibration is None else Calibration(**_with_tuples(calibration)),
            **told,
        )


def _with_tuples(told: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


def _put(files: Mapping[str, bytes], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-", ignore_cleanup_errors=True) as beside:
        made, spoilt = Path(beside, "made"), Path(beside, "spoilt")
        made.mkdir(mode=0o755)
        for name, content in files.items():
            Path(made, name).write_bytes(content)
        try:
            with suppress(FileNotFoundError):
                os.rename(folder, spoilt)
            os.rename(made, folder)
        except OSError:
            if not _holds(folder, files):  # else another process was quicker with the same files
                raise


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    try:
        return _read_files(folder) == files
    except BadBundle:
        return False


def _read_files(folder: Path) -> dict[str, bytes]:
    try:
        return {path.name: _content(path) for path in sorted(folder.iterdir())}
    except OSError as error:
        raise BadBundle("missing", f"{folder} cannot be read: {error.strerror}") from None


def _content(path: Path) -> bytes:
    if not path.is_file() and path.exists():  # a pipe would be read for ever
        raise BadBundle("tampered", f"{path} is no file")
    return path.read_bytes()


def _hash_of(files: Mapping[str, bytes]) -> str:
    total = sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return total.hexdigest()
