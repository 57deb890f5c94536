"""Serves the admin on the configured mode's data, until it is interrupted."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from arbsite import processes
from arbsite.embedded.ports import HOST
from arbsite.entry import held_lease
from arbsite.setup.first_user import ensure_first_user
from arbsite.supervisor import Supervisor


class Command(BaseCommand):
    """Run the web process alone."""

    help = "Serve the admin on the data of one mode; Ctrl-C ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mode", help="whose data is shown")

    def handle(self, *args: Any, **options: Any) -> None:
        arb = settings.ARB
        user = ensure_first_user(arb)
        port = processes.choose_ports(arb).web
        password = f"password in {user.password_file}" if user.password_file else "your ARB_ADMIN_PASSWORD"
        self.stdout.write(f"http://{HOST}:{port}/admin/  ({arb.scope}; user {user.name}, {password})")
        self.stdout.flush()  # the page is served from here on, whoever reads us through a pipe
        Supervisor((processes.web(port),), cwd=arb.checkout, log_dir=arb.log_dir, lease=held_lease()).run()
