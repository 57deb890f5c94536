"""``manage.py simulate``: the venue doubles in the foreground."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from domain.market import Pair
from simulator.instruments import DEFAULT_PAIRS
from simulator.market import INCIDENT_AT_S
from simulator.server import SimulatorConfig, Urls, run


class Command(BaseCommand):
    """Serves simulated venues until it is stopped."""

    help = "Serve simulated Kraken and Alpaca on loopback until stopped, and write their addresses as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same market")
        parser.add_argument("--pairs", default=",".join(pair.symbol for pair in DEFAULT_PAIRS), help="BTC/USD,ETH/USD")
        parser.add_argument("--kraken-port", type=int, default=0, help="default: a free one")
        parser.add_argument("--alpaca-port", type=int, default=0, help="default: a free one")
        parser.add_argument("--incident-at", type=float, default=INCIDENT_AT_S, metavar="S", help="seconds after start")
        parser.add_argument("--no-incident", action="store_true", help="leave the incident out")
        parser.add_argument("--json", action="store_true", help="addresses on one line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve. Raises: BadInput for a pair that is not simulated or a port that is taken."""
        config = SimulatorConfig(
            seed=options["seed"],
            pairs=tuple(Pair.parse(symbol) for symbol in options["pairs"].split(",")),
            incident_at_s=None if options["no_incident"] else options["incident_at"],
            kraken_port=options["kraken_port"],
            alpaca_port=options["alpaca_port"],
        )
        run(config, announce=lambda urls: self._announce(urls, on_one_line=options["json"]))

    def _announce(self, urls: Urls, *, on_one_line: bool) -> None:
        self.stdout.write(json.dumps(urls.as_dict(), indent=None if on_one_line else 2))
        self.stdout.flush()
