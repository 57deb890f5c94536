"""Making a backup: each database dumped while its rows are counted in the very same snapshot, then the models."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO

import psycopg
import structlog

from arbsite.backups import shelf
from arbsite.backups.contents import Contents, read_contents
from arbsite.backups.manifest import MODELS, Dumped, Manifest, ModelFile
from arbsite.backups.programs import begin, find_program
from arbsite.config import DATABASE_SUFFIX, Arb, Database
from arbsite.setup.schema import connect_beside, is_there
from domain.errors import Refused, Unreachable
from domain.scope import Mode

log = structlog.get_logger(__name__)

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that stands whole, and what it took."""

    manifest: Manifest
    folder: Path
    seconds: float
    removed: tuple[str, ...]  # older ones


@dataclass(slots=True)
class _Sink:
    """Where a dump goes: a file, hashed while it is written."""

    file: Path
    bytes: int = 0
    sha256: str = ""
    error: OSError | None = None


def create(arb: Arb, *, now: datetime, modes: Sequence[Mode] = tuple(Mode)) -> Made:
    """Back up the databases of ``modes`` and the model store; older backups than are to be kept are removed.

    Raises: Refused without a fitting pg_dump, or where there is nothing to back up; Unreachable.
    """
    began_s = time.monotonic()
    directory = arb.backups.directory
    with shelf.alone(directory):
        with shelf.being_made(directory, now=now) as draft:
            suffixes = sorted({DATABASE_SUFFIX[mode] for mode in modes})
            databases = [_dump(arb, suffix, draft) for suffix in suffixes if _exists(arb.database, suffix)]
            kept = tuple(one for one in databases if one is not None)
            if not kept:
                raise Refused(f"there is nothing to back up: no database of {', '.join(modes)} has any table of ours")
            manifest = Manifest(shelf.name_of(draft), now, arb.commit, kept, copy_models(arb.models.directory, draft))
            manifest.write(draft)
        removed = shelf.prune(directory, keep_days=arb.backups.keep_days, now=now)
    seconds = time.monotonic() - began_s
    log.info("backup_made", backup=manifest.name, rows=sum(one.rows for one in kept), seconds=round(seconds, 1))
    return Made(manifest, directory / manifest.name, seconds, tuple(removed))


def copy_models(models: Path, draft: Path) -> tuple[ModelFile, ...]:
    """Copy the model store's files into ``draft`` and return them with their hashes."""
    if not models.is_dir():
        return ()
    copied = []
    for source in sorted(path for path in models.rglob("*") if path.is_file() and not _is_draft(path, models)):
        path = Path(MODELS) / source.relative_to(models)
        (draft / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, draft / path)
        copied.append(ModelFile(str(path), (draft / path).stat().st_size, shelf.digest_of(draft / path)))
    return tuple(copied)


def _is_draft(path: Path, models: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(models).parts) or path.is_symlink()


def _exists(database: Database, suffix: str) -> bool:
    with connect_beside(database) as server:
        return is_there(server, database.base_name + suffix)


def _dump(arb: Arb, suffix: str, draft: Path) -> Dumped | None:
    """Dump one database, or return None where nothing was ever migrated into it."""
    name = arb.database.base_name + suffix
    sink = _Sink(draft / f"database{suffix}.dump")
    try:
        with connect_beside(arb.database, name=name) as session, session.transaction():
            session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            (snapshot,) = session.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
            contents = _dump_and_read(arb, name, snapshot, sink, session)
    except psycopg.Error as error:
        raise Unreachable(f"the database {name} was lost while it was dumped: {str(error).strip()}") from error
    if not contents.migrations:
        sink.file.unlink()
        return None
    return Dumped(
        suffix=suffix,
        file=sink.file.name,
        bytes=sink.bytes,
        sha256=sink.sha256,
        server=contents.server,
        major=contents.major,
        extensions=contents.extensions,
        migrations=contents.migrations,
        tables=contents.tables,
    )


def _dump_and_read(arb: Arb, name: str, snapshot: str, sink: _Sink, session: psycopg.Connection) -> Contents:
    major = session.info.server_version // 10_000
    program = find_program("pg_dump", major=major, folder=arb.backups.programs)
    options = ("--format=custom", "--compress=1", "--no-privileges", f"--snapshot={snapshot}")
    dump = begin(program, arb.database, name, *options)
    assert dump.stdout is not None
    writer = threading.Thread(target=_write, args=(dump.stdout, sink), name="backup-writer")
    complaints: list[str] = []
    listener = threading.Thread(target=_listen, args=(dump, complaints), name="backup-complaints")
    try:
        writer.start()
        listener.start()
        contents = read_contents(session)
    except BaseException:
        dump.kill()
        raise
    finally:
        for thread in (writer, listener):
            thread.join()
        dump.wait()
    if sink.error is not None:
        raise Unreachable(f"the dump of {name} cannot be kept: {sink.error.strerror}") from sink.error
    if dump.returncode != 0:
        raise Unreachable(f"pg_dump of {name} failed: {' '.join(complaints[-3:])}")
    return contents


def _listen(dump: "subprocess.Popen[bytes]", complaints: list[str]) -> None:
    assert dump.stderr is not None
    complaints.extend(line.decode(errors="replace").strip() for line in dump.stderr)


def _write(stream: IO[bytes], sink: _Sink) -> None:
    """Write what comes through the pipe. A pipe, so that the dump ends with us however we end."""
    total = sha256()
    try:
        with os.fdopen(os.open(sink.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            while chunk := stream.read(_CHUNK):
                file.write(chunk)
                total.update(chunk)
                sink.bytes += len(chunk)
    except OSError as error:
        sink.error = error
    finally:
        stream.close()
    sink.sha256 = total.hexdigest()


def as_json(made: Made) -> dict[str, object]:
    """Return what was made, for machines."""
    return {
        "name": made.manifest.name,
        "folder": str(made.folder),
        "databases": [
            {
                "suffix": one.suffix,
                "bytes": one.bytes,
                "server": one.server,
                "rows": one.rows,
                "tables": len(one.tables),
                "extensions": dict(one.extensions),
            }
            for one in made.manifest.databases
        ],
        "model_files": len(made.manifest.models),
        "seconds": round(made.seconds, 1),
        "removed": list(made.removed),
    }
