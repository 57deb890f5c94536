"""What accounts hold: the venue's own word where a key lets us ask, else the ledger of what we trade on paper."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from domain.errors import Refused, Unreachable
from domain.scope import Scope
from ops.locks import advisory
from trading.services.venues import balances
from trading.venues.base import AccountSource

TURN_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Held:
    """What is held at one venue; ``said_by`` is venue or ledger, ``problem`` why the venue itself says nothing."""

    venue: str
    said_by: str
    balances: Mapping[str, Decimal]
    tied_up: Mapping[str, Decimal] = field(default_factory=dict)
    problem: str = ""
    is_down: bool = False  # the venue does not answer, though it may be asked


def held_at(venue: str, source: AccountSource, scope: Scope) -> Held:
    """Return what is held at a venue; where its account cannot be asked, what the ledger says."""
    try:
        with account_turn(venue):
            view = source.account()
    except Refused as error:
        return Held(venue, "ledger", balances(scope, venue), problem=str(error))
    except Unreachable as error:
        return Held(venue, "ledger", balances(scope, venue), problem=str(error), is_down=True)
    return Held(venue, "venue", view.balances, view.held)


@contextmanager
def account_turn(venue: str) -> Iterator[None]:
    """Hold the venue's account for the block: one process asks at a time, for the nonces of a key must only rise.

    Raises: Unreachable where another process asks for too long.
    """
    until_s = time.monotonic() + TURN_WITHIN_S
    while True:
        with advisory(f"account:{venue}") as is_ours:
            if is_ours:
                yield
                return
        if time.monotonic() >= until_s:
            raise Unreachable(f"another process asks {venue}'s account just now: try again")
        time.sleep(_LOOK_EVERY_S)
