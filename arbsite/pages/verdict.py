"""Would it have paid? The verdict as a page, and its first sentences for the home page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

from django.contrib import admin
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from arbsite.pages.home import shown_scope
from domain.scope import Scope
from ops.admin import figures
from ops.admin.base import MODE_COLOURS
from ops.admin.panels import Table, label
from trading.formats import NOTHING, in_bps, in_bps_needed, in_usd
from trading.selectors import verdict_words as words
from trading.selectors.offered import covered
from trading.selectors.terms import Span, now_in, run_of
from trading.selectors.verdict import DayVerdict, PairVerdict, RouteVerdict, Verdict, verdict_of
from trading.services.venues import fees_of

_SPANS = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (0, "all there is"))
_USUAL_DAYS = 7
_KEPT = 60  # times as long as it took to work out
_MOST_DAYS = 62
_MOST_ROUTES = 12
_FINDINGS = {"event": "warning", "repeats": "success", "lost": "danger", "unclear": "info"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A length of time that can be chosen."""

    words: str
    address: str
    is_chosen: bool


def verdict_page(request: HttpRequest) -> HttpResponse:
    """Show the verdict with every figure behind it."""
    scope = shown_scope()
    days = _days(request, scope)
    found = _found(scope, days)
    context = admin.site.each_context(request) | {
        "title": "Would it have paid?",
        "scope": scope,
        "scope_colour": MODE_COLOURS[scope.mode],
        "named": words.title(found),
        "headline": words.headline(found),
        "reasons": words.reasons(found),
        "notes": words.notes(found),
        "choices": _choices(days),
        "panels": list(_panels(found)),
    }
    return TemplateResponse(request, "admin/verdict.html", context)


def verdict_headline(request: HttpRequest) -> HttpResponse:
    """Show the first sentences alone."""
    scope = shown_scope()
    days = _days(request, scope)
    found = _found(scope, days)
    context = {"named": words.title(found), "headline": words.headline(found)}
    return TemplateResponse(request, "admin/verdict_headline.html", context)


def _days(request: HttpRequest, scope: Scope) -> int:
    """Return the days that are asked for; 0 is all there is, as of a run."""
    usual = 0 if scope.run_id else _USUAL_DAYS
    asked = request.GET.get("days", "")
    return int(asked) if asked in {str(days) for days, _ in _SPANS} else usual


def _found(scope: Scope, days: int) -> Verdict:
    """Return the verdict; one that took long to work out is kept for a while, one that did not is not."""
    span = _span(scope, days) if covered(scope) else None
    key = f"verdict:{scope}:{span}".replace(" ", "")
    kept: Verdict | None = cache.get(key)
    if kept is not None:
        return kept
    began_s = monotonic()
    found = verdict_of(scope, span, fees_of=fees_of)
    cache.set(key, found, timeout=int(_KEPT * (monotonic() - began_s)))
    return found


def _span(scope: Scope, days: int) -> Span | None:
    if not days:
        return None
    now = now_in(run_of(scope), now=datetime.now(UTC))
    return Span.around(now - timedelta(days=days), now)


def _choices(chosen: int) -> list[Choice]:
    address = reverse("verdict")
    return [Choice(name, f"{address}?days={days}", days == chosen) for days, name in _SPANS]


def _panels(found: Verdict) -> Iterator[Table]:
    if found.offered is None:
        return
    yield _offers(found)
    yield _by_day(found)
    yield _change(found)


def _offers(found: Verdict) -> Table:
    unit = f"{found.terms.unit}s"
    headers = ("Route", "Needed", "Median", "90 %", "99 %", "Greatest", unit, "Enough", "Trades")
    rows = [row for pair in found.pairs for row in _pair(pair)]
    note = "Basis points of the gross edge at the best prices, before fees; a bold line is the better way of each."
    return Table("What was offered against what a trade needs", headers, rows, note=note)


def _pair(pair: PairVerdict) -> Iterator[tuple[str, ...]]:
    is_only = len(words.symbols_of(pair)) == 1
    yield (_strong(words.pair_named(pair)), *_figures(pair))
    routes = sorted(pair.routes, key=lambda route: route.offered.greatest_bps if route.offered else 0, reverse=True)
    for route in routes[:_MOST_ROUTES]:
        yield (words.route_named(route.route_key, is_only_symbol=is_only), *_figures(route))
    if len(routes) > _MOST_ROUTES:
        yield (f"and {len(routes) - _MOST_ROUTES} more routes", *[""] * 8)


def _figures(found: PairVerdict | RouteVerdict) -> tuple[str, ...]:
    offered = found.offered
    edges = [offered.median_bps, offered.p90_bps, offered.p99_bps, offered.greatest_bps] if offered is not None else []
    return (
        in_bps_needed(found.needed_bps),
        *([in_bps(edge) for edge in edges] or [NOTHING] * 4),
        f"{offered.count:,}" if offered else "0",
        _counted(found.above),
        _counted(found.trades),
    )


def _by_day(found: Verdict) -> Table:
    unit = f"{found.terms.unit}s"
    headers = ("Day (UTC)", unit, "Median", "99 %", "Greatest", "Enough", "Trades", "Planned", "Filled", "What it was")
    days = found.days[-_MOST_DAYS:]
    note = "" if len(days) == len(found.days) else f"The last {len(days)} of {len(found.days)} days."
    return Table("Day by day", headers, [_day(day) for day in reversed(days)], note=note)


def _day(day: DayVerdict) -> tuple[str, ...]:
    offered, kind = day.offered, words.kind_of(day)
    edges = [offered.median_bps, offered.p99_bps, offered.greatest_bps] if offered else []
    return (
        words.day_named(day.day, with_year=True),
        f"{offered.count:,}" if offered else "0",
        *([in_bps(edge) for edge in edges] or [NOTHING] * 3),
        _counted(day.above),
        _counted(day.trades),
        in_usd(day.planned_usd) if day.trades else NOTHING,
        NOTHING if day.settled_usd is None else _gain(day),
        label(kind, _FINDINGS.get(kind, "")),
    )


def _gain(day: DayVerdict) -> str:
    assert day.settled_usd is not None
    return figures.coloured(in_usd(day.settled_usd), good=day.settled_usd > 0)


def _change(found: Verdict) -> Table:
    total = found.offered.count if found.offered else 0
    rows = [
        (
            f"{step.total_bps:f}",
            step.meaning or NOTHING,
            _counted(step.looks),
            figures.share(step.looks / total) if total else NOTHING,
            f"{step.days}",
        )
        for step in found.steps
    ]
    headers = ("Both fees, bps", "Who charges this", f"{found.terms.unit}s enough", "Share", "Days")
    note = " ".join(words.change(found))
    return Table("What would change it: lower fees", headers, rows, note=note, is_wide=True)


def _counted(count: int) -> str:
    return figures.coloured(f"{count:,}", good=True) if count else "0"


def _strong(text: str) -> str:
    return format_html('<span class="font-semibold text-important">{}</span>', text)
