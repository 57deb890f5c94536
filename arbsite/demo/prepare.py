"""What is done before the first process of a demo starts."""

import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from arbsite import config
from arbsite.config import Arb
from arbsite.demo.doubles import choose_address
from arbsite.demo.local_chain import chain_or_reason
from arbsite.demo.login import ensure_admin
from arbsite.demo.plan import KEPT, Plan, new_run_id
from arbsite.demo.snapshot import Links
from arbsite.embedded.ports import HOST
from arbsite.logs import line_formatter
from arbsite.processes import Ports, choose_ports, flower_login
from domain.errors import Refused, Unreachable
from domain.scope import Mode, Scope

_RUNS_KEPT = 10


def prepare(*, seed: int, seconds: float | None, incident_at_s: float | None) -> Plan:
    """Return the plan of a new demo, its settings in force for every child from now on.

    Raises: Refused while the stop file is there; BadInput if a port that the settings fix is taken.
    """
    arb: Arb = settings.ARB
    refuse_if_stopped(arb)
    ports = choose_ports(arb)
    scope = Scope(Mode.SIM, new_run_id(datetime.now(UTC)))
    world, why_no_chain = chain_or_reason(arb.state_dir)
    plan = Plan(
        scope=scope,
        seed=seed,
        seconds=seconds,
        log_dir=_log_dir(arb, scope),
        checkout=arb.checkout,
        ports=ports,
        links=links_to(arb, ports),
        doubles=choose_address(world),
        incident_at_s=incident_at_s,
        why_no_chain=why_no_chain,
    )
    config.replace_values(plan.variables, keep=KEPT)
    write_settings(plan)
    log_to_file(plan.log_dir / "demo.log")
    forget_messages()
    return plan


def refuse_if_stopped(arb: Arb) -> None:
    """Raise Refused while the stop file is there: nothing would trade, and it is not ours to remove."""
    if arb.stop_file.exists():
        raise Refused(f"trading is halted by the stop file {arb.stop_file}: manage.py resume lifts the halt")


def links_to(arb: Arb, ports: Ports) -> Links:
    """Return where the pages are, with a login that works for each."""
    admin_user, admin_password = ensure_admin(arb)
    flower_user, _, flower_password = flower_login(arb).partition(":")
    return Links(
        admin=f"http://{HOST}:{ports.web}/admin/",
        admin_user=admin_user,
        admin_password=admin_password,
        flower=f"http://{HOST}:{ports.flower}/",
        flower_user=flower_user,
        flower_password=flower_password,
    )


def write_settings(plan: Plan) -> None:
    """Keep what leads to this demo in a file that ``ARB_ENV_FILE`` takes: other commands then see what it sees."""
    lines = [f"{name}={value}\n" for name, value in plan.variables.items()]
    plan.settings_file.write_text("".join(lines), encoding="utf-8")


def log_to_file(file: Path) -> None:
    """Send this process's own log lines to ``file``: its terminal belongs to the screen."""
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(line_formatter())
    logging.getLogger().handlers = [handler]


def forget_messages() -> None:
    """Empty the queues: messages that an earlier system left would be about rows of another mode's database.

    Nothing is lost by it: every mode's sweeper brings back what is due. Raises: Unreachable if Redis does not answer.
    """
    from arbsite.celery import app  # late: imports that other commands need not wait for

    try:
        app.control.purge()
        with app.connection_for_write() as connection:
            connection.default_channel.client.delete("unacked", "unacked_index", "unacked_mutex")
    except (OperationalError, RedisError, OSError) as error:
        raise Unreachable(f"Redis cannot be used: {type(error).__name__}") from error


def _log_dir(arb: Arb, scope: Scope) -> Path:
    """Make the folder of this run's logs, and delete those of runs long past."""
    earlier = sorted(path for path in arb.log_dir.glob("demo-*") if path.is_dir())
    for folder in earlier[: -_RUNS_KEPT + 1]:
        shutil.rmtree(folder)
    log_dir = arb.log_dir / str(scope.run_id)
    log_dir.mkdir(parents=True)
    return log_dir
