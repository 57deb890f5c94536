"""The models that a process keeps in memory, by the hash of their files, for as long as the files are as they were."""

from dataclasses import dataclass
from pathlib import Path

from mlops.bundle import BadBundle
from mlops.serving.model import Model

_Looks = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    model: Model
    looks: _Looks


class Shelf:
    """Loads each model once, and again only where its files do not look as they did; used from one thread at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._kept: dict[str, _Kept] = {}
        self.loads = 0  # so far

    def model(self, file_hash: str) -> Model:
        """Return the model whose files have that hash. Raises: BadBundle; NoLightGBM."""
        looks = _looks(self._directory / file_hash)
        kept = self._kept.get(file_hash)
        if kept is None or kept.looks != looks:
            self._kept.pop(file_hash, None)
            self.loads += 1
            kept = self._kept[file_hash] = _Kept(Model.open(self._directory, file_hash), looks)
        return kept.model

    def keep_only(self, file_hashes: set[str]) -> None:
        """Forget every other model; what still judges with it keeps it until it is done."""
        self._kept = {file_hash: kept for file_hash, kept in self._kept.items() if file_hash in file_hashes}


def _looks(folder: Path) -> _Looks:
    """Return name, size, time of change and number of every file: reading a few of those costs next to nothing."""
    try:
        found = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    except OSError as error:
        raise BadBundle("missing", f"{folder} cannot be read: {error.strerror}") from None
    return tuple((name, told.st_size, told.st_mtime_ns, told.st_ino) for name, told in found)
