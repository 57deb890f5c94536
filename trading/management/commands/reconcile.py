"""``manage.py reconcile``: whether orders, fills, ledger and balances agree; after a restore, what frees them."""

import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from domain.scope import Mode, Scope
from domain.timestamps import from_ns
from risk.stopfile import operator
from trading.management.scope_arguments import add_scope_arguments, scope_of
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.services import reconciliation, reference
from trading.services.reconciliation import RELEASED, Comparison, as_words
from trading.services.venues import trading_venues


class Command(BaseCommand):
    """Compares the configured scope and all that waits since a restore."""

    help = (
        "Compare orders, fills, ledger and balances. What was restored sends nothing until this is clean; then it is "
        "halted, and a person resumes. Exit 3: something differs, or an order's outcome is still unknown."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        add_scope_arguments(parser)
        parser.add_argument("--reason", default=RELEASED, help="kept in the audit trail and shown at the gate")
        parser.add_argument("--dry-run", action="store_true", help="compare, and change nothing")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare. Raises: BadInput; Refused in live, whose venues cannot be asked yet."""
        scopes = [scope_of(options)] if options["run"] else reconciliation.scopes_of(_own_scope(options["mode"]))
        found = [_compare(scope, options) for scope in scopes]
        ended_well = all(one.is_clean for one in found)
        as_json = {"clean": ended_well, "dry_run": options["dry_run"], "scopes": [_as_json(one) for one in found]}
        self.stdout.write(json.dumps(as_json) if options["json"] else "\n".join(map(as_words, found)))
        if not ended_well:
            sys.exit(3)


def _own_scope(mode: str | None) -> Scope:
    configured: Scope = settings.ARB.scope
    return configured if mode in (None, configured.mode) else Scope(Mode(mode))


def _compare(scope: Scope, options: dict[str, Any]) -> Comparison:
    if options["dry_run"]:
        return reconciliation.compare(scope, whole=True, clock=SYSTEM_CLOCK)
    fees = reference.fees_now(scope, now=from_ns(SYSTEM_CLOCK.now_ns()))
    venues = trading_venues(scope, clock=SYSTEM_CLOCK, fees=fees)
    return reconciliation.reconcile(
        scope, venues=venues, clock=SYSTEM_CLOCK, actor=operator(), reason=options["reason"]
    )


def _as_json(found: Comparison) -> dict[str, Any]:
    return {
        **found.scope.columns,
        "differences": [str(one) for one in found.differences],
        "orders_unknown": found.orders_unknown,
        "executions_open": found.executions_open,
        "needing_person": found.needing_person,
        "released": found.is_released,
        "waiting": found.is_waiting,
    }
