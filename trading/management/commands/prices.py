"""``manage.py prices``: one pair on every venue, how old each price is, and the route with the widest gap."""

import json
import time
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from domain.errors import BadInput, Unreachable
from domain.scope import Mode
from trading.formats import NOTHING, in_bps, in_price, lasting
from trading.json_values import to_json
from trading.management.listings import ensure_listings
from trading.management.scope_arguments import add_scope_arguments, scope_of
from trading.management.tables import plain_table, print_apart
from trading.management.terminal import leave_the_terminal_to_words
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.selectors.why_words import reason_in_words
from trading.services.scan import Gap, Price, Prices, prices_of, process_connections

WATCH_EVERY_S = 1.0
RATIOS = ("bps",)  # numbers in JSON; money is exact text


class Command(BaseCommand):
    """Shows one pair everywhere, once or every second."""

    help = "Show one pair on every venue: prices, spreads, ages, and what the widest gap would be worth after costs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", metavar="SYMBOL", help="a pair of ARB_PAIRS, as BTC/USD")
        parser.add_argument("--watch", action="store_true", help="again every second, until Ctrl-C")
        add_scope_arguments(parser, runs="in sim a demo")
        parser.add_argument("--json", action="store_true", help="one JSON object for each look")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show. Raises: BadInput for a pair that is not watched; Unreachable where no price can be had."""
        scope = scope_of(options)
        if scope.mode is Mode.REPLAY:
            raise BadInput("a replay has no prices of now: choose dry_run, sim or live")
        console = Console(file=cast(IO[str], self.stdout), highlight=False)
        leave_the_terminal_to_words()
        ensure_listings(scope, console, is_quiet=options["json"])
        connections = process_connections(SYSTEM_CLOCK)
        while True:
            found = prices_of(options["symbol"].upper(), scope, clock=SYSTEM_CLOCK, connections=connections)
            if options["json"]:
                self.stdout.write(json.dumps(to_json(found, floats=RATIOS)))
                self.stdout.flush()
            elif found.prices or options["watch"]:
                _show(found, console)
            if not options["watch"]:
                return _check(found)
            time.sleep(WATCH_EVERY_S)


def _check(found: Prices) -> None:
    if not found.prices:
        why = "; ".join(f"{venues}: {reason}" for venues, reason in _missing(found))
        raise Unreachable(f"no price of {found.symbol} can be had: {why or 'no venue was asked'}")


def _missing(found: Prices) -> list[tuple[str, str]]:
    """Return why venues show no price, those of one reason together: a chain's pools are missing with it."""
    together: dict[str, list[str]] = {}
    for venue, reason in found.missing.items():
        together.setdefault(reason_in_words(reason), []).append(venue)
    return [(", ".join(sorted(venues)), reason) for reason, venues in together.items()]


def _show(found: Prices, console: Console) -> None:
    if found.prices:
        print_apart(_table(found, console), console)
    for sentence in _notes(found):
        console.print(sentence, markup=False)


def _table(found: Prices, console: Console) -> Any:
    quote = found.symbol.partition("/")[2]
    title = f"{found.symbol} at {found.at:%H:%M:%S} UTC, in {quote}"
    table = plain_table(console, title, "", "bid", "ask", "spread bps", "age", "told by", " ", texts=("told by",))
    for one in found.prices:
        table.add_row(*_row(one))
    return table


def _row(one: Price) -> list[str]:
    spread = NOTHING if one.bid == one.ask else in_bps(one.spread_bps)
    return [one.venue, in_price(one.bid), in_price(one.ask), spread, lasting(one.age_ms), one.told_by, one.note]


def _notes(found: Prices) -> list[str]:
    said = [] if found.gap is None else [_gap(found.gap)]
    said += [f"{venues} {'show' if ', ' in venues else 'shows'} no price: {why}." for venues, why in _missing(found)]
    if found.cache_problem:
        said.append(f"Books were asked for by REST: {found.cache_problem}.")
    return said


def _gap(gap: Gap) -> str:
    way = f"buy on {gap.buy_venue}, sell on {gap.sell_venue}: {in_bps(gap.gap_bps)} bps"
    if gap.gap_bps <= 0:
        return f"No gap: at best {way}."
    after = "" if gap.net_bps is None else f", {in_bps(gap.net_bps)} after costs"
    return f"Widest gap: {way}{after} ({reason_in_words(gap.outcome)})."
