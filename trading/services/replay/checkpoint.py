"""Where a run goes on: what it replays, with which options and settings, and the state behind its last whole chunk."""

import json
from typing import Any

from django.conf import settings

from domain.errors import BadInput
from domain.timestamps import from_ns
from trading.models import Run
from trading.services.replay import runs
from trading.services.replay.options import options_from_json
from trading.services.replay.source import Source, reopen_source
from trading.services.replay.timeline import Json

SETTINGS = ("trading", "breakers", "limits")  # what a result rests on beside its assumptions


def of_the_beginning(source: Source) -> dict[str, Any]:
    """Return the checkpoint of a run that has lived through nothing yet."""
    told = {name: repr(getattr(settings.ARB, name)) for name in SETTINGS}
    return {"source": source.where, "options": source.options.to_json(), "settings": told, "state": None}


def keep(run: Run, state: Json, now_ns: int) -> None:
    """Store the state behind a chunk, in the transaction that writes the chunk's rows."""
    run.checkpoint["state"] = state
    Run.objects.filter(pk=run.pk).update(checkpoint=run.checkpoint, last_instant=from_ns(now_ns))


def state_of(run: Run) -> Json | None:
    """Return the state behind the last whole chunk; None where there is none."""
    return run.checkpoint["state"]


def reopened(run: Run) -> Source:
    """Return the source of a run that was broken off.

    Raises: BadInput if there is nothing to go on with, or the result would rest on other data or settings.
    """
    if run.summary.get("state") == runs.COMPLETE:
        raise BadInput(f"run {run.run_id} is complete: there is nothing left of it")
    if not run.checkpoint:
        raise BadInput(f"run {run.run_id} keeps no checkpoint: delete it and run it again")
    for name, told in run.checkpoint["settings"].items():
        if told != repr(getattr(settings.ARB, name)):
            raise BadInput(f"run {run.run_id} began with other settings for {name}: set them back, or run it again")
    source = reopen_source(run.checkpoint["source"], options_from_json(run.checkpoint["options"]))
    for name, now in json.loads(json.dumps(source.assumptions)).items():
        if run.settings.get(name) != now:
            raise BadInput(f"run {run.run_id} began with other {name} than there is now: run it again")
    return source
