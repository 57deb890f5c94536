"""``manage.py demo``: everything against simulated venues, live on one screen."""

import json
import math
import signal
import sys
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from arbsite.demo.alone import run_alone
from arbsite.demo.plan import INCIDENT_AT_S, Plan
from arbsite.demo.prepare import prepare
from arbsite.demo.screens import screen_for
from arbsite.demo.show import Show, store_summary
from arbsite.demo.summary import Ending, as_json, as_lines, exit_code
from arbsite.entry import held_lease
from domain.errors import BadInput

SECONDS = 90.0
SEED = 1


class Command(BaseCommand):
    """Runs the demo and ends with a summary."""

    help = "Run every process against simulated venues, show it live, and sum up. Needs no keys and no network."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--seconds", type=float, default=SECONDS, help=f"length, default {SECONDS:g}")
        parser.add_argument("--seed", type=int, default=SEED, help="the same seed gives the same market")
        parser.add_argument("--forever", action="store_true", help="until interrupted")
        parser.add_argument("--no-incident", action="store_true", help="leave out the incident that trips a breaker")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout, everything else on stderr")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, sum up and exit. Raises: BadInput, Refused, Unreachable."""
        seconds = None if options["forever"] else _checked(options["seconds"])
        with run_alone(settings.ARB.state_dir):
            incident_at_s = None if options["no_incident"] else INCIDENT_AT_S
            plan = prepare(seed=options["seed"], seconds=seconds, incident_at_s=incident_at_s)
            ending = self._run(plan, stream=sys.stderr if options["json"] else sys.stdout)
        summary = as_json(ending)
        is_stored = store_summary(plan, summary)
        self.stdout.write(json.dumps(summary) if options["json"] else "\n".join(as_lines(ending)))
        if not is_stored:
            self.stderr.write("The database does not answer: the summary is not kept with the run.")
        sys.exit(_status(ending))

    def _run(self, plan: Plan, *, stream: Any) -> Ending:
        _tell_where(plan, stream)
        show = Show(plan, screen_for(stream), redis_url=settings.ARB.redis_url, lease=held_lease())

        def interrupt(number: int, frame: FrameType | None) -> None:
            show.interrupt(signal.Signals(number).name)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interrupt)
        return show.run()


def _checked(seconds: float) -> float:
    if not (math.isfinite(seconds) and seconds > 0):
        raise BadInput(f"--seconds is {seconds:g}; it must be above 0, or use --forever")
    return seconds


def _tell_where(plan: Plan, stream: Any) -> None:
    links = plan.links
    print(f"admin   {links.admin}  user {links.admin_user}  password {links.admin_password}", file=stream)
    print(f"flower  {links.flower}  user {links.flower_user}  password {links.flower_password}", file=stream)
    print(f"chain   {_chain_in_words(plan)}", file=stream)
    print(f"logs    {plan.log_dir}", file=stream)
    print(f"beside  ARB_ENV_FILE={plan.settings_file} manage.py prices ETH/USDC", file=stream, flush=True)


def _chain_in_words(plan: Plan) -> str:
    chain = plan.doubles.chain
    return f"http://127.0.0.1:{chain.port}" if chain else f"no chain: {plan.why_no_chain}"


def _status(ending: Ending) -> int:
    if ending.interrupted_by is not None:
        return 128 + signal.Signals[ending.interrupted_by]
    return exit_code(ending)
