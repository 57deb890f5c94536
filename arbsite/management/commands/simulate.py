"""``manage.py simulate``: the venue doubles in the foreground."""

import json
from argparse import ArgumentParser
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from arbsite import config
from arbsite.demo.local_chain import find_chain
from arbsite.entry import lease_services
from domain.errors import BadInput
from domain.market import Book, Pair
from domain.scope import Mode
from simulator.chain.world import World
from simulator.instruments import DEFAULT_PAIRS
from simulator.load.double import LoadConfig, run_load
from simulator.market import INCIDENT_AT_S
from simulator.played import run_played
from simulator.server import SimulatorConfig, Urls, run
from trading.services.recording.source import connect_to, looks, recordings


class Command(BaseCommand):
    """Serves simulated venues until it is stopped."""

    help = "Serve simulated Kraken, Alpaca and a local chain on loopback until stopped; write their addresses as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same market")
        parser.add_argument("--pairs", default=",".join(pair.symbol for pair in DEFAULT_PAIRS), help="BTC/USD,ETH/USD")
        parser.add_argument("--kraken-port", type=int, default=0, help="default: a free one")
        parser.add_argument("--alpaca-port", type=int, default=0, help="default: a free one")
        parser.add_argument("--chain-port", type=int, default=0, help="of the local chain; default: a free one")
        parser.add_argument("--no-chain", action="store_true", help="leave the local chain out")
        parser.add_argument("--incident-at", type=float, default=INCIDENT_AT_S, metavar="S", help="seconds after start")
        parser.add_argument("--no-incident", action="store_true", help="leave the incident out")
        parser.add_argument("--json", action="store_true", help="addresses on one line")
        parser.add_argument("--env-file", type=Path, metavar="FILE", help="write settings for ARB_ENV_FILE")
        load = parser.add_argument_group("under load", "many venues on one port, their frames built beforehand")
        load.add_argument("--load", type=int, metavar="VENUES", help="serve so many venues, every other one an Alpaca")
        load.add_argument("--books", type=int, default=100, help="books of each venue (default %(default)s)")
        load.add_argument("--per-s", type=float, default=2_000.0, help="updates in all (default %(default)g)")
        played = parser.add_argument_group("from a recording", "its venues, showing what was recorded")
        played.add_argument("--recording", type=int, metavar="ID", help="play this recording from now on")
        played.add_argument("--recorded-in", default=Mode.DRY_RUN.value, metavar="MODE", help="default %(default)s")
        played.add_argument("--speed", type=float, default=1.0, help="1 is real time (default %(default)g)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve. Raises: BadInput for a pair, recording or port that cannot be had; Unreachable for the database."""
        if options["load"] is not None:
            load = LoadConfig(options["load"], options["books"], options["per_s"], options["seed"])
            run_load(load, announce=lambda double: self._write(double.announcement(), options["json"]))
            return
        if options["recording"] is not None:
            self._play(options["recording"], _mode(options["recorded_in"]), options["speed"], options["json"])
            return
        pairs = tuple(Pair.parse(symbol) for symbol in options["pairs"].split(","))
        simulated = SimulatorConfig(
            seed=options["seed"],
            pairs=pairs,
            incident_at_s=None if options["no_incident"] else options["incident_at"],
            kraken_port=options["kraken_port"],
            alpaca_port=options["alpaca_port"],
            world=None if options["no_chain"] else self._world(pairs),
            chain_port=options["chain_port"],
        )

        def announce(urls: Urls) -> None:
            if options["env_file"] is not None:
                _keep(urls.variables(pairs), options["env_file"])
            self._write(urls.as_dict(), options["json"])

        run(simulated, announce=announce)

    def _world(self, pairs: Collection[Pair]) -> World | None:
        """Return the local chain's world, or None and say why there is none."""
        world = find_chain(settings.ARB.state_dir)
        if world is None:
            self.stderr.write("no chain: make chain fetches it")
        elif missing := {key.pair for key in world.pools} - set(pairs):
            self.stderr.write(f"no chain: its pools need {', '.join(map(str, missing))} among the pairs")
            return None
        return world

    def _play(self, recording_id: int, mode: Mode, speed: float, is_one_line: bool) -> None:
        with lease_services():
            settings.ARB = replace(settings.ARB, database=config.current().database)  # where it is, leased just now
            with connect_to(mode) as source:
                (recording,) = recordings(source, mode=mode, recording_id=recording_id)
                config_then, pools = recording.terms.config, recording.terms.config.gas
                if pools:
                    self.stderr.write(f"no chain is played: {', '.join(sorted(pools))} left out")
                run_played(
                    ((at_ns, seen) for at_ns, seen in looks(source, recording) if isinstance(seen, Book)),
                    {key: lot for key, lot in config_then.lots.items() if key.venue not in pools},
                    {venue: adapter for venue, adapter in recording.terms.adapters.items() if venue not in pools},
                    speed=speed,
                    announce=lambda doubles: self._write({"variables": doubles.variables()}, is_one_line),
                )

    def _write(self, told: Mapping[str, Any], is_one_line: bool) -> None:
        self.stdout.write(json.dumps(told, indent=None if is_one_line else 2))
        self.stdout.flush()


def _keep(variables: Mapping[str, str], file: Path) -> None:
    try:
        file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--env-file is {file}, which cannot be written: {error.strerror}") from error


def _mode(text: str) -> Mode:
    if text not in tuple(Mode):
        raise BadInput(f"--recorded-in is {text!r}; it must be one of {', '.join(Mode)}")
    return Mode(text)
