"""The models that a process keeps in memory, by the hash of their files, for as long as the files are as they were."""

from dataclasses import dataclass
from pathlib import Path

from mlops.bundle import BadBundle
from mlops.serving.model import Model

_Looks = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    model: Model | BadBundle  # or why there is none
    looks: _Looks


class Shelf:
    """Loads each model once, and again only where its files do not look as they did; used from one thread at a time.

    What cannot be loaded is not tried again before its files have changed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._kept: dict[str, _Kept] = {}
        self.loads = 0  # so far

    def model(self, file_hash: str) -> Model:
        """Return the model whose files have that hash. Raises: BadBundle; NoLightGBM."""
        looks = _looks(self._directory / file_hash)
        kept = self._kept.get(file_hash)
        if kept is None or kept.looks != looks:
            kept = self._kept[file_hash] = _Kept(self._load(file_hash), looks)
        if isinstance(kept.model, BadBundle):
            raise kept.model.with_traceback(None)  # else it grows with every look
        return kept.model

    def keep_only(self, file_hashes: set[str]) -> None:
        """Forget every other model; what still judges with it keeps it until it is done."""
        self._kept = {file_hash: kept for file_hash, kept in self._kept.items() if file_hash in file_hashes}

    def _load(self, file_hash: str) -> Model | BadBundle:
        self.loads += 1
        try:
            return Model.open(self._directory, file_hash)
        except BadBundle as bad:
            return bad


def _looks(folder: Path) -> _Looks:
    """Return name, size, time of change and number of every file: reading a few of those costs next to nothing.

    The time is the file system's own, which nobody can set back, as one can that of the last write.
    """
    try:
        found = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    except OSError as error:
        raise BadBundle("missing", f"{folder} cannot be read: {error.strerror}") from None
    return tuple((name, told.st_size, told.st_ctime_ns, told.st_ino) for name, told in found)
