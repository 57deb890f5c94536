"""Asking every venue what it lists and what its account pays; one that is away holds up no other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog
from django.conf import settings

from domain.costs import FeeSchedule
from domain.errors import ArbError, Refused, Unreachable
from domain.market import Clock, Pair
from domain.scope import Scope
from domain.timestamps import from_ns
from trading.models import FactKind
from trading.services.reference.contracts import of_contracts
from trading.services.reference.statements import OF_ACCOUNT, Statement, of_account, of_listings, subject_of
from trading.services.reference.store import Change, Subject, record
from trading.services.reference.terms import account_sources
from trading.services.venue_accounts import account_turn
from trading.services.venues import fees_of
from trading.venues.base import AccountSource, Listing

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one refresh came to: statements read, what changed, and why a venue told nothing."""

    statements: tuple[Statement, ...]
    changes: tuple[Change, ...]
    problems: Mapping[str, str]


@dataclass(slots=True)
class _Told:
    """What the venues said until now."""

    statements: list[Statement] = field(default_factory=list)
    asked: list[Subject] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def refresh(
    scope: Scope,
    *,
    clock: Clock,
    sources: Mapping[str, AccountSource] | None = None,
    pairs: Sequence[Pair] | None = None,
) -> Refreshed:
    """Ask every venue, store what it states of our pairs and of its fees, and return what changed."""
    wanted = tuple(settings.ARB.pairs if pairs is None else pairs)
    told = _Told()
    for venue, source in (account_sources(clock=clock) if sources is None else sources).items():
        _ask_listings(venue, source, wanted, told)
        _ask_fees(venue, source, told)
    whole = () if sources is not None else (FactKind.CONTRACT,)
    told.statements += of_contracts(settings.ARB.venues) if whole else ()
    changes = record(told.statements, scope=scope, now=from_ns(clock.now_ns()), asked=told.asked, whole=whole)
    for venue, problem in told.problems.items():
        log.warning("reference_not_read", venue=venue, error=problem)
    return Refreshed(tuple(told.statements), tuple(changes), told.problems)


def record_listings(
    listed: Mapping[str, Iterable[Listing]], *, scope: Scope, clock: Clock, only_new: bool = False
) -> list[Change]:
    """Store what venues were just heard to list, or of it ``only_new`` markets, of which nothing is stated yet."""
    statements = [
        one for venue, found in listed.items() for one in of_listings(venue, found, source=f"{venue} listings")
    ]
    return record(statements, scope=scope, now=from_ns(clock.now_ns()), only_new=only_new)


def account_fees(venue: str, source: AccountSource) -> FeeSchedule:
    """Return the fees that the account at ``venue`` says it pays, else what the settings or the dated table state.

    Raises: Unreachable where the account may tell another time.
    """
    try:
        with account_turn(venue):
            said = source.account().fees
    except Refused:  # without a key, or with one that may not ask, no account tells
        said = None
    return fees_of(venue) if said is None else replace(said, source=f"{OF_ACCOUNT}: {said.source}")


def _ask_fees(venue: str, source: AccountSource, told: _Told) -> None:
    try:
        told.statements.append(of_account(venue, account_fees(venue, source)))
    except Unreachable as error:  # what it said last stays in force
        told.problems[venue] = str(error)


def _ask_listings(venue: str, source: AccountSource, wanted: Sequence[Pair], told: _Told) -> None:
    try:
        listings = [one for one in source.listings() if one.pair in wanted]
    except ArbError as error:
        told.problems[venue] = str(error)
        return
    told.statements += of_listings(venue, listings, source=f"{venue} listings")
    told.asked += [(FactKind.MARKET.value, subject_of(venue, pair)) for pair in wanted]
