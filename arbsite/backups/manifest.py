"""What a backup says of itself: where it came from, and what every table and file held, to the last digit."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from arbsite.config import DATABASE_SUFFIX
from domain.errors import Refused

FORMAT = 1
FILE = "manifest.json"
MODELS = "models"  # the folder that model files are in


@dataclass(frozen=True, slots=True)
class Table:
    """One table's rows: their number, the sum of their hashes, and the exact sum of every column of numbers."""

    name: str
    rows: int
    checksum: str
    sums: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Dumped:
    """One database as it was in the snapshot that was dumped."""

    suffix: str  # of its name: one for each mode that has a database of its own
    file: str
    bytes: int
    sha256: str
    server: str  # the version that it ran on
    major: int
    extensions: Mapping[str, str]
    migrations: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]

    @property
    def rows(self) -> int:
        """Return how many rows it holds."""
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of the model store."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about one backup."""

    name: str
    made_at: datetime
    commit: str
    databases: tuple[Dumped, ...]
    models: tuple[ModelFile, ...]

    def write(self, folder: Path) -> None:
        """Store it in ``folder``, with a digest of its own."""
        told = {"format": FORMAT, **asdict(self), "made_at": self.made_at.isoformat()}
        (folder / FILE).write_text(json.dumps({**told, "digest": _digest(told)}, indent=1), encoding="utf-8")

    @property
    def digest(self) -> str:
        """Return what tells it from every other manifest."""
        return _digest({"format": FORMAT, **asdict(self), "made_at": self.made_at.isoformat()})


def read(folder: Path) -> Manifest:
    """Return the manifest of the backup in ``folder``.

    Raises: Refused if it is absent or altered, or names what no backup of ours has, as files elsewhere.
    """
    try:
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
        digest = told.pop("digest")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise Refused(f"the backup {folder.name} has no manifest that can be read: {error}") from error
    if digest != _digest(told):
        raise Refused(f"the manifest of {folder.name} was altered: its digest is another")
    if told.get("format") != FORMAT:
        raise Refused(f"the backup {folder.name} is of format {told.get('format')}, and this version reads {FORMAT}")
    try:
        parsed = _parse(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(f"the manifest of {folder.name} is none of ours: {error!r}") from error
    _check_names(folder, parsed)
    return parsed


def _parse(told: Mapping[str, Any]) -> Manifest:
    return Manifest(
        told["name"],
        datetime.fromisoformat(told["made_at"]),
        told["commit"],
        tuple(_dumped(one) for one in told["databases"]),
        tuple(ModelFile(**one) for one in told["models"]),
    )


def _check_names(folder: Path, told: Manifest) -> None:
    """Raise Refused for a name that leads out of the backup: whoever wrote it could have made the digest too."""
    if told.name != folder.name:
        raise Refused(f"the backup {folder.name} was renamed: its manifest calls it {told.name!r}")
    for one in told.databases:
        if one.suffix not in DATABASE_SUFFIX.values() or one.file != f"database{one.suffix}.dump":
            raise Refused(f"the manifest of {folder.name} names a dump that is none of ours: {one.file!r}")
    if len({one.suffix for one in told.databases}) < len(told.databases):
        raise Refused(f"the manifest of {folder.name} names one database twice")
    for model in told.models:
        if not _is_model(model.path):
            raise Refused(f"the manifest of {folder.name} names a file that is no model: {model.path!r}")


def _is_model(path: str) -> bool:
    first, *rest = PurePosixPath(path).parts or ("",)
    is_plain = path.isprintable() and path == str(PurePosixPath(path))
    return is_plain and first == MODELS and bool(rest) and not any(part.startswith(".") for part in rest)


def _dumped(told: Mapping[str, Any]) -> Dumped:
    parsed = {
        "major": int(told["major"]),
        "migrations": tuple((app, name) for app, name in told["migrations"]),
        "tables": tuple(Table(**{**table, "rows": int(table["rows"])}) for table in told["tables"]),
        "extensions": dict(told["extensions"]),
    }
    return Dumped(**{**told, **parsed})


def _digest(told: Mapping[str, Any]) -> str:
    return sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
