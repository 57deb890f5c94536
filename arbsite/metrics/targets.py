"""Where the metrics of each process of ``up`` are: addresses on loopback, listed for Prometheus and for readings."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from arbsite.embedded.ports import HOST, reserve
from arbsite.processes import Process
from domain.scope import Scope
from ops.process_use import MEMORY

JOB = "arbsite"
_PATIENCE_S = 1.0
_MOST_BYTES = 1_000_000


def targets_file(state_dir: Path) -> Path:
    """Return the list of addresses, in the form that Prometheus's file_sd takes."""
    return state_dir / "metrics" / "targets.json"


def with_addresses(processes: Sequence[Process]) -> tuple[Process, ...]:
    """Return the processes, those that tell metrics with an address of their own, reserved until they start."""
    return tuple(_with_address(one) if one.tells_metrics else one for one in processes)


@contextmanager
def listed(processes: Sequence[Process], file: Path, *, scope: Scope) -> Iterator[None]:
    """Keep a list of where the metrics of each process are, for the time of the block."""
    _write(processes, file, scope)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def memory_by_process(file: Path) -> Iterator[tuple[str, float]]:
    """Yield the resident memory in bytes of each listed process that answers; none where nothing is listed."""
    if not file.exists():
        return
    for target in json.loads(file.read_text(encoding="utf-8")):
        name, (address,) = target["labels"]["process"], target["targets"]
        found = _told(address, MEMORY)
        if found is not None:
            yield name, found


def _write(processes: Sequence[Process], file: Path, scope: Scope) -> None:
    targets = [
        {"targets": [f"{HOST}:{port}"], "labels": {"job": JOB, "process": one.name, "mode": scope.mode.value}}
        for one in processes
        if (port := one.metrics_port or (one.port if one.name == "flower" else None)) is not None
    ]
    file.parent.mkdir(exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(targets, indent=2) + "\n", encoding="utf-8")
    draft.replace(file)


def _with_address(process: Process) -> Process:
    port = reserve()
    variables = {**process.variables, "ARB_METRICS_ADDRESS": f"{HOST}:{port}"}
    return replace(process, metrics_port=port, variables=variables)


def _told(address: str, name: str) -> float | None:
    """Return one metric without labels, the one thing asked for, or None where the process does not answer."""
    connection = HTTPConnection(address, timeout=_PATIENCE_S)
    try:
        connection.request("GET", f"/metrics?name[]={name}")
        text = connection.getresponse().read(_MOST_BYTES).decode(errors="replace")
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
    return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} ")), None)
