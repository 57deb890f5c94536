"""``manage.py simulate``: the venue doubles in the foreground."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand

from domain.market import Pair
from simulator.instruments import DEFAULT_PAIRS
from simulator.load.double import LoadConfig, run_load
from simulator.market import INCIDENT_AT_S
from simulator.server import SimulatorConfig, run


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
        load = parser.add_argument_group("under load", "many venues on one port, their frames built beforehand")
        load.add_argument("--load", type=int, metavar="VENUES", help="serve so many venues, every other one an Alpaca")
        load.add_argument("--books", type=int, default=100, help="books of each venue (default %(default)s)")
        load.add_argument("--per-s", type=float, default=2_000.0, help="updates in all (default %(default)g)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve. Raises: BadInput for a pair that is not simulated or a port that is taken."""
        if options["load"] is not None:
            load = LoadConfig(options["load"], options["books"], options["per_s"], options["seed"])
            run_load(load, announce=lambda double: self._write(double.announcement(), options["json"]))
            return
        config = SimulatorConfig(
            seed=options["seed"],
            pairs=tuple(Pair.parse(symbol) for symbol in options["pairs"].split(",")),
            incident_at_s=None if options["no_incident"] else options["incident_at"],
            kraken_port=options["kraken_port"],
            alpaca_port=options["alpaca_port"],
        )
        run(config, announce=lambda urls: self._write(urls.as_dict(), options["json"]))

    def _write(self, told: Mapping[str, Any], is_one_line: bool) -> None:
        self.stdout.write(json.dumps(told, indent=None if is_one_line else 2))
        self.stdout.flush()
