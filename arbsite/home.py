"""The admin's first page: what the scope earned and why it did not trade, the lights, and whether anything is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from domain.breakers import BreakerState
from domain.ledger import Waterfall
from domain.scope import Mode, Scope
from ops.admin_base import MODE_COLOURS
from ops.models import Alert
from ops.services import canaries, outbox
from risk.services import status
from trading.admin import figures
from trading.admin.executions import EXECUTION_COLOURS
from trading.admin.panels import Table, gain, label, link
from trading.models import Execution, Opportunity
from trading.selectors.pages import newest_runs_of
from trading.selectors.results import Refusals, Results, refusals_of, results_of

_LIGHTS = {BreakerState.CLOSED: "success", BreakerState.HALF_OPEN: "warning", BreakerState.OPEN: "danger"}
_GATES = {"active": "success", "reducing": "warning", "halted": "danger"}
_LEVELS = {"info": "info", "warning": "warning", "error": "danger"}
_RECENT = 5
_REASONS = 8
_NEVER = "Nothing has been refused."


@dataclass(frozen=True, slots=True)
class Light:
    """A name, what to say of it, and its colour."""

    name: str
    text: str
    colour: str


@dataclass(frozen=True, slots=True)
class Card:
    """A figure, and the list behind it."""

    name: str
    text: str
    address: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return ``context`` with what the first page shows."""
    scope, now = shown_scope(), datetime.now(UTC)
    results = results_of(scope)
    return context | {
        "title": "Overview",
        "scope": scope,
        "is_newest_run": scope != settings.ARB.scope,
        "scope_colour": MODE_COLOURS[scope.mode],
        "cards": [*_counts(scope, now), *_money(results)],
        "panels": [
            _waterfall(results.waterfall),
            _refusals(refusals_of(scope)),
            _executions(scope),
            _alerts(scope),
        ],
        "breakers": list(_risk_lights(scope, now)),
        "canaries": list(_canary_lights(now)) if scope.mode is not Mode.REPLAY else [],
        "stop_file": settings.ARB.stop_file if settings.ARB.stop_file.exists() else None,
    }


def shown_scope() -> Scope:
    """Return this process's scope; of replays, which are all runs, the newest."""
    scope: Scope = settings.ARB.scope
    if scope.mode is not Mode.REPLAY or scope.run_id:
        return scope
    runs = newest_runs_of(scope.mode)
    return runs[0].scope if runs else scope


def _counts(scope: Scope, now: datetime) -> Iterator[Card]:
    since = now - timedelta(days=1) if scope.mode is not Mode.REPLAY else datetime.min.replace(tzinfo=UTC)
    period = "in this run" if scope.mode is Mode.REPLAY else "in 24 h"
    opportunities = Opportunity.objects.in_scope(scope).filter(timestamp__gt=since).count()
    executions = Execution.objects.in_scope(scope)
    yield Card(f"opportunities {period}", f"{opportunities:,}", _list("trading_opportunity"))
    yield Card(
        f"executions {period}", f"{executions.filter(decided_at__gt=since).count():,}", _list("trading_execution")
    )
    yield Card("executions under way", f"{executions.filter(due_at__isnull=False).count():,}", _list("trading_order"))
    yield Card("outbox rows waiting", f"{outbox.waiting(scope=settings.ARB.scope):,}", _list("ops_outbox"))


def _money(results: Results) -> Iterator[Card]:
    yield Card("net result", gain("net_usd", results.waterfall.net), _list("trading_executionlog"))
    won = "none yet" if results.win_rate is None else f"{results.win_rate:.0%} of {results.filled:,}"
    yield Card("filled executions that earned", won, _list("trading_executionlog"))


def _list(page: str) -> str:
    return reverse(f"admin:{page}_changelist")


def _waterfall(waterfall: Waterfall) -> Table:
    lines = [
        ("gross, as planned for what both legs filled", figures.usd(waterfall.gross)),
        ("− fees", figures.usd(waterfall.fees)),
        ("− gas", figures.usd(waterfall.gas)),
        ("− slippage", figures.usd(waterfall.slippage)),
        ("− unwinding", figures.usd(waterfall.unwind)),
        ("= net", gain("net_usd", waterfall.net)),
    ]
    return Table("From gross to net", ("All ended executions", "USD"), lines, is_wide=False)


def _refusals(refusals: Refusals) -> Table:
    refused = [("an opportunity", reason, count) for reason, count in refusals.opportunities.items()]
    refused += [("a look at a route", reason, count) for reason, count in refusals.looks.items()]
    rows = [(figures.words(reason), kind, f"{count:,}") for kind, reason, count in refused[:_REASONS]]
    return Table("Why nothing was traded", ("Reason", "Ended", "Times"), rows, nothing=_NEVER, is_wide=False)


def _executions(scope: Scope) -> Table:
    newest = Execution.objects.in_scope(scope).order_by("-decided_at")[:_RECENT]
    rows = [
        (
            link(row, figures.instant(row.decided_at)),
            figures.route(row.route_key),
            label(row.state, EXECUTION_COLOURS.get(row.state, "")),
            figures.usd(row.notional_usd),
            gain("net_usd", row.net_usd),
            figures.shown("reason", row.reason),
        )
        for row in newest
    ]
    headers = ("Decided at (UTC)", "Route", "State", "Notional", "Net", "Reason")
    return Table("Last executions", headers, rows, nothing="None yet.")


def _alerts(scope: Scope) -> Table:
    rows = [
        (
            link(alert, figures.instant(alert.created_at)),
            label(alert.level, _LEVELS.get(alert.level, "")),
            figures.words(alert.title),
        )
        for alert in Alert.objects.in_mode(scope.mode)[:_RECENT]
    ]
    return Table("Last alerts", ("At (UTC)", "Level", "What"), rows)


def _risk_lights(scope: Scope, now: datetime) -> Iterator[Light]:
    risk = status(scope, now=now)
    yield Light("gate", f"{risk.gate}: {risk.reason}" if risk.reason else risk.gate, _GATES[risk.gate])
    for breaker in risk.breakers:
        yield Light(figures.words(breaker.kind), figures.words(breaker.state), _LIGHTS[BreakerState(breaker.state)])


def _canary_lights(now: datetime) -> Iterator[Light]:
    for sign in canaries.signs(scope=settings.ARB.scope, now=now):
        text = "never seen" if sign.age_s is None else f"{figures.lapse(timedelta(seconds=sign.age_s))} ago"
        yield Light(sign.queue, text, "success" if sign.is_fresh else "danger")
