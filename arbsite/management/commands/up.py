"""``manage.py up``: every process in the configured mode, until interrupted."""

import json
import signal
import sys
import threading
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from types import FrameType
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand

from arbsite import config
from arbsite.config import Arb
from arbsite.config.variables import VARIABLES
from arbsite.demo.alone import run_alone
from arbsite.demo.doubles import choose_address
from arbsite.demo.local_chain import find_chain
from arbsite.demo.login import ensure_admin
from arbsite.embedded.ports import HOST
from arbsite.entry import held_lease
from arbsite.metrics.targets import listed, targets_file, with_addresses
from arbsite.processes import Ports, Process, choose_ports, sharing_one_key, table
from arbsite.supervisor import ProcessEvent, Supervisor
from domain.errors import BadInput
from domain.scope import Mode
from simulator.chain.world import World
from simulator.instruments import DEFAULT_PAIRS

SEED = 1


class Command(BaseCommand):
    """Runs every process and says what happens to each."""

    help = "Run every process in the configured mode until interrupted; in sim the simulated venues too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--mode", choices=[mode.value for mode in Mode], help="instead of the configured mode")
        parser.add_argument("--seed", type=int, default=SEED, help="of the simulated market, in sim")
        parser.add_argument("--seconds", type=float, help="end by itself after so long")
        parser.add_argument("--json", action="store_true", help="at its end one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until the time is over, or SIGINT or SIGTERM comes: exit then with 128 plus its number.

        Raises: BadInput, Refused, Unreachable.
        """
        arb: Arb = settings.ARB
        _refuse_no_time(options["seconds"])
        _refuse_replay(arb)
        _refuse_one_partition(arb)
        stream = sys.stderr if options["json"] else sys.stdout
        with run_alone(arb.state_dir):
            ports = choose_ports(arb)
            tell_where(arb, ports, stream)
            started = processes(arb, ports, seed=options["seed"])
            supervisor = Supervisor(
                started,
                cwd=arb.checkout,
                log_dir=arb.log_dir,
                on_event=lambda event: print(event_line(event), file=stream, flush=True),
                lease=held_lease(),
            )
            began_s = time.monotonic()
            with listed(started, targets_file(arb.state_dir), scope=arb.scope):
                number = run_until_interrupted(supervisor, seconds=options["seconds"])
        if options["json"]:
            self.stdout.write(json.dumps(summary(arb, supervisor, seconds=time.monotonic() - began_s, number=number)))
        sys.exit(128 + number if number else 0)


def processes(arb: Arb, ports: Ports, *, seed: int) -> tuple[Process, ...]:
    """Return what runs in this mode; in sim every process is pointed at the simulated venues."""
    if arb.scope.mode is not Mode.SIM:
        return _ours(arb, ports)
    address = choose_address(_chain_for(arb))
    config.replace_values(address.variables(), keep=VARIABLES)
    listed = [pair.symbol for pair in arb.pairs if pair in DEFAULT_PAIRS]
    if not listed:
        raise BadInput(f"ARB_PAIRS names no pair that is simulated: choose from {', '.join(map(str, DEFAULT_PAIRS))}")
    return (address.process(seed=seed, pairs=listed, incident_at_s=None), *_ours(arb, ports))


def _ours(arb: Arb, ports: Ports) -> tuple[Process, ...]:
    return with_addresses(sharing_one_key(table(ports, partitions=arb.partition.count)))


def _chain_for(arb: Arb) -> World | None:
    """Return the local chain's world where it is fetched and its pools' pairs are watched."""
    world = find_chain(arb.state_dir)
    return world if world and {key.pair for key in world.pools} <= set(arb.pairs) else None


def run_until_interrupted(supervisor: Supervisor, *, seconds: float | None) -> int:
    """Run the processes until SIGINT, SIGTERM or SIGHUP comes, and end them.

    Returns the signal's number, 0 where ``seconds`` were over first.
    """
    received: list[int] = []
    asked = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        received.append(number)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    with supervisor:
        asked.wait(seconds)
    return received[0] if received else 0


def tell_where(arb: Arb, ports: Ports, stream: TextIO) -> None:
    """Say where the pages, the passwords and the logs are."""
    admin_user, _ = ensure_admin(arb)
    lines = (
        f"mode    {arb.scope}",
        f"admin   http://{HOST}:{ports.web}/admin/  user {admin_user}, password {_where(arb, 'admin_password')}",
        f"flower  http://{HOST}:{ports.flower}/  user {arb.web.flower_user}, password {_where(arb, 'flower_password')}",
        f"logs    {arb.log_dir}",
        f"metrics {targets_file(arb.state_dir)}",
    )
    print("\n".join(lines), file=stream, flush=True)


def event_line(event: ProcessEvent) -> str:
    """Return an event as a line."""
    words = event.kind.value.replace("_", " ")
    return (
        f"{event.at:%H:%M:%S}  {event.process:17}  {words}, pid {event.pid}{': ' if event.detail else ''}{event.detail}"
    )


def summary(arb: Arb, supervisor: Supervisor, *, seconds: float, number: int) -> dict[str, Any]:
    """Return how it went, for machines."""
    return {
        "mode": arb.scope.mode.value,
        "run_id": arb.scope.run_id,
        "seconds": round(seconds, 1),
        "ended_at": datetime.now(UTC).isoformat(),
        "ended_by": signal.Signals(number).name if number else "time",
        "restarts": {one.name: one.restarts for one in supervisor.states() if one.restarts},
        "logs": str(arb.log_dir),
    }


def _where(arb: Arb, name: str) -> str:
    is_chosen = {"admin_password": arb.web.admin_password, "flower_password": arb.web.flower_password}[name]
    return "as configured" if is_chosen else f"in {config.secret_file(arb.state_dir, name)}"


def _refuse_no_time(seconds: float | None) -> None:
    if seconds is not None and not 0 < seconds < threading.TIMEOUT_MAX:
        raise BadInput(f"--seconds is {seconds:g}; it must be above 0 and end in this life")


def _refuse_replay(arb: Arb) -> None:
    if arb.scope.mode is Mode.REPLAY:
        raise BadInput("up has no replay mode: manage.py replay does it all in one process")


def _refuse_one_partition(arb: Arb) -> None:
    if arb.partition.index is not None:
        raise BadInput(f"ARB_PARTITION is {arb.partition.index}, but up starts every partition: leave it out")
