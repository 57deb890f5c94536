"""Proving a backup: its files are whole, and what is restored from them equals what was dumped, to the last digit."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from arbsite.backups import manifest, shelf
from arbsite.backups.cluster import empty_cluster
from arbsite.backups.contents import TIMESCALE
from arbsite.backups.loading import admin_of, check_equal, check_server, drop, load
from arbsite.backups.manifest import Dumped, Manifest
from arbsite.config import Arb, Database

log = structlog.get_logger(__name__)

SCRATCH = "_verifying"  # at the end of a database's name


@dataclass(frozen=True, slots=True)
class Proof:
    """What was restored and found equal, and what it took."""

    manifest: Manifest
    seconds: float

    @property
    def rows(self) -> int:
        """Return how many rows were compared."""
        return sum(one.rows for one in self.manifest.databases)


def verify(arb: Arb, name: str, *, now: datetime) -> Proof:
    """Restore the backup called ``name`` aside and compare it with its manifest; note with it that it was proved.

    Raises: BadInput if there is none; Refused, saying what differs; Unreachable.
    """
    began_s = time.monotonic()
    with shelf.alone(arb.backups.directory):
        folder = shelf.find(arb.backups.directory, name)
        told = manifest.read(folder)
        shelf.check_files(folder, told)
        _prove(arb, folder, told)
        seconds = time.monotonic() - began_s
        shelf.note_verified(folder, told, now=now, seconds=seconds)
    proof = Proof(told, seconds)
    log.info("backup_verified", backup=told.name, rows=proof.rows, seconds=round(seconds, 1))
    return proof


def _prove(arb: Arb, folder: Path, told: Manifest) -> None:
    plain = [one for one in told.databases if TIMESCALE not in one.extensions]
    if plain:
        with empty_cluster(arb.state_dir) as server:
            for one in plain:
                check_server(server, one)
                load(arb, one, folder / one.file, into=f"restored{one.suffix}", admin=server)
                check_equal(one, server, f"restored{one.suffix}")
                drop(server, f"restored{one.suffix}")
    for one in told.databases:
        if TIMESCALE in one.extensions:
            with _scratch(arb, one) as (server, name):
                load(arb, one, folder / one.file, into=name, admin=server)
                check_equal(one, server, name)


@contextmanager
def _scratch(arb: Arb, dumped: Dumped) -> Iterator[tuple[Database, str]]:
    """Yield the name of a database that is not there yet on the configured server, which has the extension."""
    server = admin_of(arb, dumped)
    check_server(server, dumped)
    name = f"{arb.database.base_name}{dumped.suffix}{SCRATCH}"
    drop(server, name)  # what a killed verification left
    try:
        yield server, name
    finally:
        drop(server, name)
