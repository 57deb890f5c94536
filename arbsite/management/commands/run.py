"""``manage.py run NAME``: one process of the table in this one's place, which is how containers start theirs."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from arbsite import config
from arbsite.config import Arb
from arbsite.config.variables import VARIABLES
from arbsite.embedded.ports import HOST, is_free
from arbsite.entry import held_lease
from arbsite.processes import (
    PREFERRED_FLOWER_PORT,
    PREFERRED_WEB_PORT,
    SERVERS,
    Ports,
    Process,
    named,
    table,
)
from domain.errors import BadInput, Refused

_SERVERS_PARTS = ("TIMESCALE_PASSWORD", "REDIS_PASSWORD", "TEST_DATABASE_URL")


class Command(BaseCommand):
    """Becomes one process, the system checks passed and no key in sight but its own."""

    help = "Run one process of the system in the foreground, on configured servers; containers start with it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("name", help="as manage.py up shows it: worker-execution, stream, web, ...")
        parser.add_argument("--host", default=HOST, help=f"where pages are served (default {HOST})")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replace this process. Raises: BadInput, Refused."""
        arb: Arb = settings.ARB
        (process,) = named(table(_ports(arb), host=options["host"], partitions=arb.partition.count), options["name"])
        if held_lease() is not None:
            raise BadInput("run needs DATABASE_URL and REDIS_URL: embedded servers end with it, so use manage.py up")
        refuse_foreign_keys(process, visible=config.source().values)
        if process.port is not None and not is_free(process.port, host=options["host"]):
            raise BadInput(f"{process.name} listens on port {process.port}, which something else holds: end that first")
        sys.stdout.flush()
        os.execve(process.argv[0], process.argv, config.own_environ(process.variables))  # noqa: S606


def refuse_foreign_keys(process: Process, *, visible: Iterable[str]) -> None:
    """Refuse to run ``process`` where it could read a secret that its row does not name. Raises: Refused."""
    allowed = {*SERVERS, *_SERVERS_PARTS, *process.secrets}
    foreign = sorted(name for name in visible if VARIABLES[name].is_secret and name not in allowed)
    if foreign:
        raise Refused(f"{process.name} is handed {', '.join(foreign)}, which it must not see: take that away from it")


def _ports(arb: Arb) -> Ports:
    return Ports(web=arb.web.port or PREFERRED_WEB_PORT, flower=arb.web.flower_port or PREFERRED_FLOWER_PORT)
