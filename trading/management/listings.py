"""Asking the venues what they list, where nobody has yet and a command needs to know."""

from django.conf import settings
from rich.console import Console

from domain.errors import Unreachable
from domain.scope import Mode, Scope
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.services.reference import known_reference, refresh
from trading.services.reference.terms import account_sources
from trading.services.simulated import check_simulated
from trading.venues import roster


def ensure_listings(scope: Scope, console: Console, *, is_quiet: bool) -> None:
    """See to it that every venue's pairs are known. Raises: Unreachable where no venue tells; BadInput in sim."""
    unheard = [venue for venue in roster.adapters(settings.ARB.venues) if venue not in known_reference(scope).pairs]
    if not unheard:
        return
    if scope.mode is Mode.SIM:
        check_simulated(roster.addresses(settings.ARB.venues))
    if not is_quiet:
        console.print(f"asking {', '.join(unheard)} for their pairs: nothing is known of them yet", soft_wrap=True)
    sources = account_sources(clock=SYSTEM_CLOCK)
    told = refresh(scope, clock=SYSTEM_CLOCK, sources={venue: sources[venue] for venue in unheard})
    if not known_reference(scope).lots:
        why = "; ".join(told.problems.values()) or "none lists any of the pairs in ARB_PAIRS"
        raise Unreachable(f"no venue told its pairs: {why}")
