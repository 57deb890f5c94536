"""The tables of a report, as text: a terminal and a page show the same ones."""

from collections.abc import Sequence
from datetime import datetime

from ops.reports import Sheet
from trading.formats import lasting
from trading.services.backtest import words
from trading.services.backtest.figures import Fall, Report, RouteFigures

MOST_ROUTES = 8
MOST_DAYS = 31
MOST_PLACES = 12
MOST_OFFSETS = 5  # of the decay, the last ones


def sheets_of(report: Report) -> list[Sheet]:
    """Return every table of a report in reading order."""
    return [_parts(report), _falls(report), _days(report), *_routes(report), _places(report)]


def _parts(report: Report) -> Sheet:
    inventory = report.inventory
    parts = [
        ("executed: what the trades earned", report.executed_usd),
        ("hold: what prices did to what was there", report.hold_usd),
        ("inventory: what the trades moved, where it lies", report.inventory_usd),
        ("change of equity", report.change_usd),
    ]
    if inventory.open_usd or inventory.dust_usd:
        parts[3:3] = [
            ("  of it moved coins, at their venues' last prices", inventory.moved_usd),
            ("  of it cash of executions left to a person", inventory.open_usd),
            ("  of it dust and rounding, reckoned against us", inventory.dust_usd),
        ]
    rows = [(name, words.change(part), words.percent(part / report.start_usd)) for name, part in parts]
    first, last = (("in place at the start", report.start_usd), ("at the end", report.end_usd))
    levels = [(name, words.usd(level), "") for name, level in (first, last)]
    return Sheet("What it came to", ("", "USD", "of the start"), (levels[0], *rows, levels[1]))


def _falls(report: Report) -> Sheet:
    falls = report.falls
    named = (("equity", falls.equity), ("hold", falls.hold), ("coins alone", falls.coins), ("executed", falls.executed))
    rows = tuple((name, words.cost(fall.usd), words.percent(fall.share), *_span(fall)) for name, fall in named)
    return Sheet("Drawdown", ("", "USD", "of the peak", "from (UTC)", "to (UTC)"), rows)


def _span(fall: Fall) -> tuple[str, str]:
    return _minute(fall.peak_at), _minute(fall.trough_at)


def _minute(at: datetime | None) -> str:
    return f"{at:%m-%d %H:%M}" if at else "-"


def _days(report: Report) -> Sheet:
    days = report.days[-MOST_DAYS:]
    title = "By day" if len(days) == len(report.days) else f"By day, the last {MOST_DAYS} of {len(report.days)}"
    names = ("day (UTC)", "found", "sent", "executed", "hold", "inventory", "change", "at its end")
    rows = []
    for day in days:
        parts = map(words.change, (day.executed_usd, day.hold_usd, day.inventory_usd, day.change_usd))
        rows.append((day.day.isoformat(), str(day.opportunities), str(day.executions), *parts, words.usd(day.end_usd)))
    return Sheet(title, names, tuple(rows))


def _routes(report: Report) -> Sequence[Sheet]:
    routes = report.routes[:MOST_ROUTES]
    if not routes:
        return ()
    more = f", the {MOST_ROUTES} of {len(report.routes)} with most" if len(report.routes) > MOST_ROUTES else ""
    return [_edges(routes, more), *_decay(routes), _fills(routes), _costs(routes)]


def _edges(routes: Sequence[RouteFigures], more: str) -> Sheet:
    names = ("", "found", "gross", "net", "best net", "lived", "ran dry")
    rows = []
    for route in routes:
        edges = route.edges
        bps = (f"{edge:,.1f}" for edge in (edges.gross_median_bps, edges.net_median_bps, edges.net_most_bps))
        lived = "-" if edges.life_median_s is None else f"{edges.life_median_s:,.0f} s"
        name = words.route_name(route.route)
        rows.append((name, f"{route.opportunities:,}", *bps, lived, f"{route.short_looks:,}"))
    return Sheet(f"Routes: median edges in bps when found{more}", names, tuple(rows))


def _decay(routes: Sequence[RouteFigures]) -> Sequence[Sheet]:
    offsets = sorted({decay.offset_ms for route in routes for decay in route.decay})[-MOST_OFFSETS:]
    if not offsets:
        return ()
    rows = []
    for route in routes:
        left = {decay.offset_ms: decay.median_bps for decay in route.decay}
        found = (left.get(one) for one in offsets)
        rows.append((words.route_name(route.route), *("-" if bps is None else f"{bps:,.1f}" for bps in found)))
    names = ("", *(f"+{lasting(one)}" for one in offsets))
    return [Sheet("What was left of the net edge later, median in bps", names, tuple(rows))]


def _fills(routes: Sequence[RouteFigures]) -> Sheet:
    names = ("", "sent", "whole", "part", "none", "undone", "left", "USD")
    rows = []
    for route in routes:
        fills = route.fills
        counts = (fills.executions, fills.whole, fills.in_part, fills.missed, fills.unwound, fills.with_person)
        rows.append((words.route_name(route.route), *map(str, counts), f"{fills.turnover_usd:,.0f}"))
    return Sheet("Fills: whole as planned, in part or none; undone; left to a person", names, tuple(rows))


def _costs(routes: Sequence[RouteFigures]) -> Sheet:
    has_gas = any(route.costs.gas_usd for route in routes)
    lines = ("fees", *(("gas",) if has_gas else ()), "slippage", "unwind")
    rows = []
    for route in routes:
        costs = route.costs
        spent = (words.cost(getattr(costs, f"{line}_usd")) for line in lines)
        rows.append((words.route_name(route.route), words.usd(costs.gross_usd), *spent, words.change(costs.net_usd)))
    names = ("", "gross edge", *(f"- {line}" for line in lines), "= earned")
    return Sheet("From edge to result, in USD", names, tuple(rows))


def _places(report: Report) -> Sheet:
    names = ("", "at the start", "at the end", "lowest", "last price", "in USD")
    most_moved = sorted(report.places, key=lambda one: -abs(one.end_usd - one.start_usd))[:MOST_PLACES]
    shown = [place for place in report.places if place in most_moved]
    rows = []
    for place in shown:
        amounts = map(words.quantity, (place.start, place.end, place.lowest))
        worth = words.usd(place.end_price_usd), words.usd(place.end_usd)
        rows.append((f"{place.asset} {place.venue}", *amounts, *worth))
    more = f", the {len(shown)} of {len(report.places)} that changed most" if len(shown) < len(report.places) else ""
    return Sheet(f"What lay where{more}", names, tuple(rows))
