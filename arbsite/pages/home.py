"""The admin's first page: would it have paid, what the scope does and earns, the lights, and whether all is well."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from arbsite.data_ages import VenueData, data_of
from arbsite.pages.hours import charts_of
from domain.breakers import BreakerState
from domain.ledger import Waterfall
from domain.scope import Mode, Scope
from mlops.admin.overview import models_table
from ops.admin import figures
from ops.admin.base import MODE_COLOURS
from ops.admin.panels import Table, label, link
from ops.models import Alert
from ops.services import canaries, outbox
from risk.selectors import breakers_of, latest_equity
from risk.services import status
from trading.admin.executions import EXECUTION_COLOURS
from trading.models import Execution, Opportunity
from trading.selectors.results import (
    MOST_OPPORTUNITIES,
    Beginnings,
    Refusals,
    Results,
    busy_since,
    last_instant_of,
    refusals_of,
    results_of,
)
from trading.selectors.terms import chosen_scope

MAY_READ = "trading.view_opportunity"  # whoever may see no opportunity is shown no sums of them
MAY_READ_MODELS = "mlops.view_modelversion"

_LIGHTS = {BreakerState.CLOSED: "success", BreakerState.HALF_OPEN: "warning", BreakerState.OPEN: "danger"}
_GATES = {"active": "success", "reducing": "warning", "halted": "danger", "unreconciled": "danger"}
_LEVELS = {"info": "info", "warning": "warning", "error": "danger"}
_RECENT = 5
_REASONS = 6
_NEVER = "Nothing has been refused."
_FRESH_MS = 5_000
_DAY = timedelta(days=1)


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


@dataclass(frozen=True, slots=True)
class Period:
    """The stretch that the page tells of: a run whole, else a day; ``words`` name it."""

    since: datetime | None
    now: datetime
    words: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return ``context`` with what the first page shows."""
    scope, now = shown_scope(), datetime.now(UTC)
    shown = {
        "title": "Overview",
        "scope": scope,
        "is_newest_run": scope != settings.ARB.scope,
        "scope_colour": MODE_COLOURS[scope.mode],
        "breakers": list(_risk_lights(scope, now)),
        "canaries": list(_canary_lights(now)) if scope.mode is not Mode.REPLAY else [],
        "stop_file": settings.ARB.stop_file if settings.ARB.stop_file.exists() else None,
    }
    return context | shown | (_results(request, scope, now) if request.user.has_perm(MAY_READ) else {})


def _results(request: HttpRequest, scope: Scope, now: datetime) -> dict[str, Any]:
    """Return what only those are shown who may read the rows behind it."""
    period = _period(scope, now)
    beginnings = busy_since(scope, period.since)
    results = results_of(scope, since=beginnings.executions)
    return {
        "cards": [*_counts(scope, period, beginnings), *_money(scope, results, period)],
        "charts": charts_of(scope, period.now),
        "panels": [
            *_markets(scope, now),
            _waterfall(results.waterfall, period),
            _refusals(refusals_of(scope, since=beginnings.opportunities, looks_since=beginnings.looks)),
            *([models_table(scope, now)] if request.user.has_perm(MAY_READ_MODELS) else []),
            _executions(scope),
            _alerts(scope),
        ],
    }


def shown_scope() -> Scope:
    """Return this process's scope, or what a command that names no run tells of."""
    scope: Scope = settings.ARB.scope
    return scope if scope.run_id else chosen_scope(scope.mode, "")


def _period(scope: Scope, now: datetime) -> Period:
    """Return the last day; of a replay, where now is its last instant, everything."""
    if scope.mode is not Mode.REPLAY:
        return Period(now - _DAY, now, "in 24 h")
    return Period(None, last_instant_of(scope) or now, "in this run")


def _counts(scope: Scope, period: Period, beginnings: Beginnings) -> Iterator[Card]:
    opportunities, executions = Opportunity.objects.in_scope(scope), Execution.objects.in_scope(scope)
    recent = opportunities if period.since is None else opportunities.filter(timestamp__gte=period.since)
    tried = executions if period.since is None else executions.filter(decided_at__gte=period.since)
    under_way = executions.filter(due_at__isnull=False).count()
    waiting = outbox.waiting(scope=settings.ARB.scope)
    yield Card(f"opportunities {period.words}", _up_to(recent.order_by("-timestamp")), _list("trading_opportunity"))
    yield Card(f"executions {period.words}", _up_to(tried.order_by("-decided_at")), _list("trading_execution"))
    yield Card("executions under way", f"{under_way:,}", f"{_list('trading_execution')}?state__exact=running")
    yield Card("outbox rows waiting", f"{waiting:,}", f"{_list('ops_outbox')}?dispatched_at__isempty=1")


def _up_to(rows: Any) -> str:
    counted = rows[: MOST_OPPORTUNITIES + 1].count()
    return f"{counted:,}" if counted <= MOST_OPPORTUNITIES else f"over {MOST_OPPORTUNITIES:,}"


def _money(scope: Scope, results: Results, period: Period) -> Iterator[Card]:
    equity = latest_equity(scope)
    won = "none yet" if results.win_rate is None else f"{results.win_rate:.0%} of {results.filled:,}"
    log = _list("trading_executionlog")
    yield Card(f"net result {period.words}", figures.gain("net_usd", results.waterfall.net), log)
    yield Card("filled executions that earned", won, log)
    open_breakers = sum(one.state != BreakerState.CLOSED for one in breakers_of(scope))
    yield Card("equity", figures.NOTHING if equity is None else figures.earned(equity), _list("risk_equitymark"))
    yield Card("breakers not closed", f"{open_breakers}", _list("risk_breaker"))


def _list(page: str) -> str:
    return reverse(f"admin:{page}_changelist")


def _markets(scope: Scope, now: datetime) -> Iterator[Table]:
    if scope.mode is Mode.REPLAY:
        return
    venues, silence = data_of(scope, now)
    headers = ("Venue", "Newest book", "Feed", "Recorded in 24 h", "Last recorded")
    yield Table(
        "Data of each venue",
        headers,
        [_venue(one, now) for one in venues],
        note=silence,
        nothing=silence or "No feed runs and nothing was recorded: start manage.py collect, or manage.py up.",
    )


def _venue(one: VenueData, now: datetime) -> tuple[str, ...]:
    recorded = one.recorded
    hours = "nothing" if recorded is None else f"{recorded.hours_with_data} of {recorded.hours} h, {recorded.updates:,}"
    return (
        one.venue,
        figures.NOTHING if one.age_ms is None else label(f"{_age(one.age_ms)} old", _age_colour(one.age_ms)),
        _feed(one),
        f"{hours} books" if recorded else hours,
        f"{figures.lapse(now - recorded.last_at)} ago" if recorded else figures.NOTHING,
    )


def _age(age_ms: int) -> str:
    return figures.lapse(timedelta(milliseconds=age_ms))


def _age_colour(age_ms: int) -> str:
    return "success" if age_ms <= _FRESH_MS else "warning" if age_ms <= 12 * _FRESH_MS else "danger"


def _feed(one: VenueData) -> str:
    if one.line is None:
        return figures.NOTHING
    if one.line.polled_every_ms:
        return f"asked every {_age(one.line.polled_every_ms)}"
    return "connected" if one.line.is_connected else f"down: {one.line.last_error or 'never connected'}"


def _waterfall(waterfall: Waterfall, period: Period) -> Table:
    lines = [
        ("gross, as planned for what both legs filled", figures.usd(waterfall.gross)),
        ("− fees", figures.spent(waterfall.fees)),
        ("− gas", figures.spent(waterfall.gas)),
        ("− slippage", figures.spent(waterfall.slippage)),
        ("− unwinding", figures.spent(waterfall.unwind)),
        ("= net", figures.gain("net_usd", waterfall.net)),
    ]
    return Table("From gross to net", (f"Ended executions {period.words}", "USD"), lines, is_wide=False)


def _refusals(refusals: Refusals) -> Table:
    opportunities = [("an opportunity", reason, count) for reason, count in refusals.opportunities.items()]
    looks = [("a look at a route", reason, count) for reason, count in refusals.looks.items()]
    refused = [*opportunities[:_REASONS], *looks[:_REASONS]]
    rows = [(figures.words(reason), kind, f"{count:,}") for kind, reason, count in refused]
    return Table("Why nothing was traded", ("Reason", "Ended", "Times"), rows, nothing=_NEVER, is_wide=False)


def _executions(scope: Scope) -> Table:
    newest = Execution.objects.in_scope(scope).order_by("-decided_at")[:_RECENT]
    rows = [
        (
            link(row, figures.instant(row.decided_at)),
            figures.shown("route_key", row.route_key),
            label(row.state, EXECUTION_COLOURS.get(row.state, "")),
            figures.usd(row.notional_usd),
            figures.gain("net_usd", row.net_usd),
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
