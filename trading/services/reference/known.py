"""What the facts in force come to: the markets to watch with their lots, and the fees that accounts say they pay."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from domain.costs import FeeSchedule
from domain.market import Pair
from domain.scope import Scope
from domain.terms import Lot
from trading.models import FactKind, ReferenceFact
from trading.services.reference.statements import OF_ACCOUNT, fees_of_statement, lot_of, market_of
from trading.services.reference.store import IN_FORCE
from trading.services.reference.terms import Reference, charged_at
from trading.venues import roster

FEES_HOLD = timedelta(days=7)  # an account's word that nobody confirmed for longer is no longer relied on


def known_reference(scope: Scope) -> Reference:
    """Return the configured venues' markets among our pairs, as they were stated last; empty before anything was."""
    venues, wanted = roster.adapters(settings.ARB.venues), set(settings.ARB.pairs)
    listed: dict[str, dict[Pair, Lot]] = {}
    for fact in _facts(scope, FactKind.MARKET):
        venue, pair = market_of(fact.subject)
        if venue in venues and pair in wanted and fact.stated["is_tradable"] == "yes":
            listed.setdefault(venue, {})[pair] = lot_of(fact.stated)
    return Reference.of(listed)


def known_fees(scope: Scope, *, now: datetime) -> Mapping[str, FeeSchedule]:
    """Return what accounts say they pay, by venue; a venue whose account does not tell is left out."""
    of_accounts = _facts(scope, FactKind.FEES, Q(confirmed_at__gte=now - FEES_HOLD, source__startswith=OF_ACCOUNT))
    return {fact.subject: fees_of_statement(fact.stated, fact.source) for fact in of_accounts}


def fees_now(scope: Scope, *, now: datetime) -> Mapping[str, FeeSchedule]:
    """Return what every venue charges now: by the settings, its account, or a dated table."""
    of_accounts = known_fees(scope, now=now)
    return {venue: charged_at(venue, of_accounts) for venue in roster.adapters(settings.ARB.venues)}


def _facts(scope: Scope, kind: FactKind, *conditions: Q) -> list[ReferenceFact]:
    facts = ReferenceFact.objects.in_scope(scope).filter(*conditions, kind=kind, **IN_FORCE)
    return list(facts.order_by("subject"))
