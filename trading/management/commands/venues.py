"""``manage.py venues``: which venues there are, how they do, what they list, charge and hold for us."""

import json
import sys
from collections.abc import Callable
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from domain.errors import BadInput
from domain.scope import Mode, Scope
from trading.json_values import to_json
from trading.management import venue_console as shown
from trading.management.listings import ensure_listings
from trading.management.scope_arguments import add_scope_arguments, scope_of
from trading.management.terminal import leave_the_terminal_to_words
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.services.reference.terms import account_sources
from trading.services.scan import process_connections
from trading.services.simulated import check_simulated
from trading.services.venue_accounts import held_at
from trading.services.venue_checks import Checkup, check_venues, sources_of
from trading.services.venue_facts import charges, concentrated_pools, stated_markets, venues_known
from trading.venues import roster

RATIOS = ("bps", "_ms", "_s", "integrity")  # numbers in JSON; money is exact text
CHECK_NOT_MET, DOWN = 3, 5
VERBS = {
    "list": "every venue and chain: what serves it, whose prices it shows, which keys are there",
    "check": "how each does: integrity, clock, latency, rate, health and reasons, nodes, budgets",
    "markets": "what each lists of our pairs: steps and least orders, by whose word, since when",
    "fees": "what each charges, by whose word",
    "balances": "what we hold at each: its own word where a key lets us ask, else the ledger",
}


class Command(BaseCommand):
    """Tells of venues."""

    help = "Tell of the venues. Exit 3: something speaks against a venue, 5: a venue or every one does not answer."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=VERBS, help="; ".join(f"{verb}: {about}" for verb, about in VERBS.items()))
        parser.add_argument("venue", nargs="?", metavar="VENUE", help="one venue or chain; by default all")
        add_scope_arguments(parser, runs="in sim a demo")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Tell. Raises: BadInput for a venue that is none of ours; Unreachable where no venue answers."""
        scope = scope_of(options)
        if scope.mode is Mode.REPLAY:
            raise BadInput("a replay asks no venue: choose dry_run, sim or live")
        leave_the_terminal_to_words()
        console = Console(file=cast(IO[str], self.stdout), highlight=False)
        tell: dict[str, Callable[..., Any]] = {
            "list": self._list,
            "check": self._check,
            "markets": self._markets,
            "fees": self._fees,
            "balances": self._balances,
        }
        if options["what"] == "markets":
            ensure_listings(scope, console, is_quiet=options["json"])
        told, show, code = tell[options["what"]](options["venue"], scope)
        if options["json"]:
            self.stdout.write(json.dumps(to_json(told, floats=RATIOS)))
        else:
            show(told, console)
        if code:
            sys.exit(code)

    def _list(self, venue: str | None, scope: Scope) -> Any:
        return {"venues": _chosen(venues_known(settings.ARB.venues), venue)}, shown.show_list, 0

    def _check(self, venue: str | None, scope: Scope) -> Any:
        found = check_venues(
            sources_of(venue), scope, clock=SYSTEM_CLOCK, connections=process_connections(SYSTEM_CLOCK)
        )
        return found, shown.show_check, _code_of(found)

    def _markets(self, venue: str | None, scope: Scope) -> Any:
        shown_only = [one for one in concentrated_pools(settings.ARB.venues) if venue in (None, one.venue, one.chain)]
        markets = [] if venue in {one.venue for one in shown_only} else _chosen(stated_markets(scope), venue)
        return {"markets": markets, "shown_only": shown_only}, shown.show_markets, 0

    def _fees(self, venue: str | None, scope: Scope) -> Any:
        return {"fees": _chosen(charges(scope, clock=SYSTEM_CLOCK), venue)}, shown.show_fees, 0

    def _balances(self, venue: str | None, scope: Scope) -> Any:
        if scope.mode is Mode.SIM and _asks_accounts():
            check_simulated(roster.addresses(settings.ARB.venues))
        sources = account_sources(clock=SYSTEM_CLOCK)
        names = [one.venue for one in _chosen(venues_known(settings.ARB.venues), venue) if one.venue in sources]
        found = [held_at(name, sources[name], scope) for name in names]
        return {"balances": found}, shown.show_balances, DOWN if any(one.is_down for one in found) else 0


def _asks_accounts() -> bool:
    venues = settings.ARB.venues
    return venues.kraken.read is not None or (venues.alpaca.read or venues.alpaca.data) is not None


def _chosen(found: list[Any], venue: str | None) -> list[Any]:
    """Return what is of one venue or of a chain's venues, or all. Raises: BadInput for a name that is none of ours."""
    if venue is None:
        return found
    names = [one.venue for one in venues_known(settings.ARB.venues)]
    if venue not in names:
        raise BadInput(f"{venue!r} is none of our venues: they are {', '.join(names)}")
    sources = roster.sources(settings.ARB.venues)
    return [one for one in found if venue in (one.venue, sources.get(one.venue))]


def _code_of(found: Checkup) -> int:
    if all(one.answered.error and one.line is None for one in found.venues):
        return DOWN
    return 0 if all(one.is_well for one in found.venues) else CHECK_NOT_MET
