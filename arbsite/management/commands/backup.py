"""``manage.py backup create|list|verify|restore``: databases and models put aside, proved, and brought back."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from arbsite.backups import manifest, shelf
from arbsite.backups.create import as_json, create
from arbsite.backups.restore import Order, checked, in_use, restore, targets
from arbsite.backups.verify import verify
from arbsite.config import Arb
from domain.errors import BadInput, Refused
from domain.scope import Mode
from ops.reports import plural
from risk.stopfile import operator

ACTIONS = ("create", "list", "verify", "restore")
Answer = tuple[dict[str, Any], str]


class Command(BaseCommand):
    """Does one of them and says what came of it."""

    help = (
        "Back up every mode's database and the model store; prove a backup by restoring it aside; bring one back. "
        "After a restore nothing is sent before manage.py reconcile has found everything in order."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("action", choices=ACTIONS)
        parser.add_argument("name", nargs="?", default="", help="of a backup to verify or restore; verify: the latest")
        parser.add_argument("--mode", choices=[mode.value for mode in Mode], help="the database of one mode alone")
        parser.add_argument("--into", default="", metavar="NAME", help="base name to restore to; default the usual one")
        parser.add_argument("--reason", default="", help="why it is restored; kept in the audit trail")
        parser.add_argument("--replace", action="store_true", help="take the place of what is there, which is kept")
        parser.add_argument(
            "--confirm", default="", metavar="NAME", help="with --replace: what is replaced; of several the base name"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked. Raises: BadInput, Refused, Unreachable."""
        acts: dict[str, Callable[[Arb, dict[str, Any]], Answer]] = {
            "create": _create,
            "list": _list,
            "verify": _verify,
            "restore": _restore,
        }
        told, words = acts[options["action"]](settings.ARB, options)
        self.stdout.write(json.dumps(told | {"dry_run": options["dry_run"]}) if options["json"] else words)


def _modes(options: dict[str, Any]) -> tuple[Mode, ...]:
    return (Mode(options["mode"]),) if options["mode"] else tuple(Mode)


def _create(arb: Arb, options: dict[str, Any]) -> Answer:
    if options["name"]:
        raise BadInput(f"create names its backup itself; {options['name']!r} was given")
    if options["dry_run"]:
        return {"directory": str(arb.backups.directory)}, f"would make a backup in {arb.backups.directory}"
    made = create(arb, now=datetime.now(UTC), modes=_modes(options))
    lines = [f"{made.manifest.name} in {made.folder.parent}, {made.seconds:.1f} s"]
    lines += [f"  database{one.suffix}: {one.rows:,} rows, {one.bytes:,} bytes" for one in made.manifest.databases]
    lines += [f"  {plural(len(made.manifest.models), 'model file')}"]
    lines += [f"  removed {name}, which was old enough" for name in made.removed]
    return as_json(made), "\n".join(lines)


def _list(arb: Arb, options: dict[str, Any]) -> Answer:
    directory = arb.backups.directory
    rows = [_row(directory / name) for name in shelf.names(directory)]
    lines = [f"{row['name']}  {row.get('trouble') or _standing(row)}" for row in rows]
    return {"directory": str(directory), "backups": rows}, "\n".join(lines) or f"there is no backup in {directory}"


def _row(folder: Path) -> dict[str, Any]:
    try:
        rows = sum(one.rows for one in manifest.read(folder).databases)
    except Refused as error:  # one that is spoilt hides none of the others
        return {"name": folder.name, "trouble": str(error)}
    return {"name": folder.name, "rows": rows, "verified": shelf.is_verified(folder)}


def _standing(row: dict[str, Any]) -> str:
    return f"{row['rows']:,} rows  {'verified' if row['verified'] else 'not verified'}"


def _verify(arb: Arb, options: dict[str, Any]) -> Answer:
    name = options["name"] or shelf.LATEST
    if options["dry_run"]:
        folder = shelf.find(arb.backups.directory, name)
        return {"name": folder.name}, f"would restore {folder.name} aside and compare it"
    proof = verify(arb, name, now=datetime.now(UTC))
    told = {"name": proof.manifest.name, "rows": proof.rows, "equal": True, "seconds": round(proof.seconds, 1)}
    words = f"{proof.manifest.name}: {proof.rows:,} rows restored and equal to the last digit, {proof.seconds:.1f} s"
    return told, words


def _restore(arb: Arb, options: dict[str, Any]) -> Answer:
    if not options["name"]:
        raise BadInput("restore wants the name of a backup, or latest: manage.py backup list shows them")
    if not options["reason"].strip():
        raise BadInput("--reason is missing: say why in a few words")
    folder = shelf.find(arb.backups.directory, options["name"])
    order = Order(
        backup=folder.name,
        base_name=options["into"] or arb.database.base_name,
        modes=_modes(options),
        replaces=options["replace"],
        actor=operator(),
        reason=options["reason"],
    )
    names = targets(manifest.read(folder), order)
    if options["dry_run"]:
        checked(arb, order)
        return {"name": folder.name, "databases": names}, f"would restore {folder.name} into {', '.join(names)}"
    if order.replaces and any(in_use(arb.database, name) for name in names):
        _confirm(names[0] if len(names) == 1 else order.base_name, options["confirm"], replaced=names)
    return _restored(arb, order)


def _confirm(wanted: str, given: str, *, replaced: list[str]) -> None:
    """Raise Refused unless the name of what is ``replaced`` was typed, of several their base name."""
    if not given and sys.stdin.isatty():
        given = input(f"Type {wanted} to take the place of {', '.join(replaced)} (kept under other names): ")
    if given.strip() != wanted:
        raise Refused(f"{', '.join(replaced)} would be replaced, which is not confirmed: give --confirm {wanted}")


def _restored(arb: Arb, order: Order) -> Answer:
    done = restore(arb, order, now=datetime.now(UTC))
    told = {
        "name": done.manifest.name,
        "databases": [{"name": one.name, "rows": one.rows, "kept_as": one.kept_as} for one in done.databases],
        "model_files": done.model_files,
        "seconds": round(done.seconds, 1),
        "next": "manage.py reconcile",
    }
    lines = [
        f"{one.name}: {one.rows:,} rows from {done.manifest.name}{_kept_said(one.kept_as)}" for one in done.databases
    ]
    lines += [f"{plural(done.model_files, 'model file')} brought back, {done.seconds:.1f} s"]
    lines += ["nothing is sent before manage.py reconcile has found everything in order"]
    return told, "\n".join(lines)


def _kept_said(kept_as: str) -> str:
    return f"; what was there is kept as {kept_as}" if kept_as else ""
