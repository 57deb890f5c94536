"""``manage.py mlflow``: MLflow's page over our store, until interrupted."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from arbsite import config
from arbsite.config import Arb
from arbsite.embedded.ports import HOST, is_free, release, reserve
from arbsite.mlflow_page import SECRET, USER, page
from arbsite.supervisor import Supervisor
from domain.errors import BadInput

PORT = 5000


class Command(BaseCommand):
    """Serves the page behind a password."""

    help = "Serve MLflow's page over the versions that were mirrored to it; Ctrl-C ends it. Nothing is loaded from it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--host", default=HOST, help=f"where it listens (default {HOST}, this machine alone)")
        parser.add_argument("--port", type=int, help=f"default {PORT} or, where that is taken, a free one")
        parser.add_argument("--json", action="store_true", help="where it is, as one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM. Raises: BadInput, Refused, Unreachable."""
        arb: Arb = settings.ARB
        port = _port(options["port"])
        process = page(arb, host=options["host"], port=port)
        told = {"address": f"http://{options['host']}:{port}/", "user": USER, "password": _password_said(arb)}
        words = "{address}  user {user}, password {password}; it answers after some seconds".format(**told)
        self.stdout.write(json.dumps(told) if options["json"] else words)
        self.stdout.flush()  # whoever reads us through a pipe wants to know now
        release(port)
        Supervisor((process,), cwd=arb.checkout, log_dir=arb.log_dir).run()


def _port(asked: int | None) -> int:
    if asked is None:
        return reserve(PORT)
    if not 1 <= asked <= 65535:
        raise BadInput(f"--port is {asked}; it lies in 1..65535")
    if not is_free(asked):
        raise BadInput(f"--port is {asked}, but something listens on that port already")
    return asked


def _password_said(arb: Arb) -> str:
    return "as configured" if arb.models.mlflow_password else f"in {config.secret_file(arb.state_dir, SECRET)}"
