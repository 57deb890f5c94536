"""``manage.py stream``: follow the markets, decide on every change, and write decisions down."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ops import metrics_server
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.services import stream


class Command(BaseCommand):
    """Streams until it is stopped."""

    help = "Follow the markets, decide on every change and write decisions down, until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the stream in the configured scope."""
        metrics_server.serve()
        stream.run(settings.ARB.scope, clock=SYSTEM_CLOCK)
