"""The report of a run: its rows marked, added up two ways that must agree, and split by day, route and place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import structlog
from django.db.models import Max, Min, Q, Sum

from domain.breakers import BreakerState
from domain.equity import NOTHING, Drawdown, Place, drawdown_of
from domain.ledger import OURS
from domain.money import EXACT, ZERO, exact_sum, to_float
from domain.scope import Scope
from domain.timestamps import from_ns, to_ns
from risk.models import BreakerEvent
from trading.models import Balance, Execution, LedgerEntry, MarketSnapshot, Opportunity
from trading.services.backtest.capital import Listing, Position
from trading.services.backtest.curve import Curve, Point
from trading.services.backtest.figures import (
    DayFigures,
    Fall,
    Falls,
    Found,
    InventoryLines,
    PlaceFigures,
    Report,
    Sample,
    Trip,
)
from trading.services.backtest.routes import route_figures
from trading.services.replay.run import ReplayResult

log = structlog.get_logger(__name__)

MOST_SAMPLES = 1_500  # of each curve, for drawing
MOST_FOUND = 2_000
MOST_DRAWN = 6  # places whose worth is drawn
MOST_TRIPS = 50


@dataclass(frozen=True, slots=True)
class Start:
    """What a run began with."""

    capital_usd: Decimal
    is_limited: bool
    positions: tuple[Position, ...]
    listing: Listing


def report_of(result: ReplayResult, start: Start, *, scope: Scope, now: datetime) -> Report:
    """Return the report of a run that has ended; a sum that does not close is logged and shown in it."""
    drawn = _most_worth(start.positions)
    curve = Curve(start.positions, start.listing, scope, watched=drawn)
    points = list(curve.points(look_every_ns=_span_ns(scope) // MOST_SAMPLES))
    split, equity = curve.equity.split, curve.equity
    lines = _inventory_lines(scope, start.listing, equity.prices_usd)
    inventory_usd = exact_sum((lines.moved_usd, lines.open_usd, lines.dust_usd))
    end_usd = _worth_of_balances(scope, equity.prices_usd)
    remainder = EXACT.subtract(end_usd, exact_sum((equity.start_usd, split.executed, split.hold, inventory_usd)))
    if remainder or inventory_usd != split.inventory:
        log.error(
            "backtest_does_not_close", run=result.run_id, remainder=str(remainder), inventory=str(split.inventory)
        )
    return Report(
        run_id=result.run_id,
        digest=result.digest,
        created_at=now,
        first_at=from_ns(points[0].at_ns) if points else now,
        last_at=from_ns(points[-1].at_ns) if points else now,
        capital_usd=start.capital_usd,
        is_limited=start.is_limited,
        start_usd=equity.start_usd,
        end_usd=end_usd,
        change_usd=EXACT.subtract(end_usd, equity.start_usd),
        executed_usd=split.executed,
        hold_usd=split.hold,
        inventory_usd=inventory_usd,
        remainder_usd=remainder,
        inventory=lines,
        falls=_falls(points, equity.start_usd, _coins_usd(start)),
        days=_days(result, points, equity.start_usd),
        routes=route_figures(scope, start.listing.quote_usd),
        places=_places(curve, start.positions),
        trips=dict(result.summary.breakers),
        first_trips=_first_trips(scope),
        refused={stage: dict(reasons) for stage, reasons in result.summary.refused.items()},
        executions=dict(result.summary.executions),
        assumptions=result.assumptions,
        drawn=tuple(f"{place.asset} on {place.venue}" for place in drawn),
        samples=_samples(points, curve.places_usd()),
        found=_found(scope),
    )


def _inventory_lines(scope: Scope, listing: Listing, prices_usd: Mapping[Place, Decimal]) -> InventoryLines:
    """Add the inventory's part up from the ledger alone: moved assets at their last price, and what cash is left."""
    ours = LedgerEntry.objects.in_scope(scope).filter(account__startswith=OURS).order_by()
    priced = set(listing.priced_by.values())
    ended = Q(execution__settled_at__isnull=False)
    sums = ours.values_list("account", "asset").annotate(
        even=Sum("amount", filter=ended), left=Sum("amount", filter=~ended)
    )
    moved, open_cash, even_cash = [], [], [_executed(scope).copy_negate()]
    for account, asset, even, left in sums:
        place = Place(account.removeprefix(OURS), asset)
        worth = [EXACT.multiply(amount or ZERO, prices_usd[place]) for amount in (even, left)]
        if place in priced:
            moved += worth
        else:
            even_cash.append(worth[0])
            open_cash.append(worth[1])
    return InventoryLines(exact_sum(moved), exact_sum(open_cash), exact_sum(even_cash))


def _executed(scope: Scope) -> Decimal:
    ended = Execution.objects.in_scope(scope).filter(settled_at__isnull=False)
    return ended.aggregate(total=Sum("net_usd"))["total"] or ZERO


def _worth_of_balances(scope: Scope, prices_usd: Mapping[Place, Decimal]) -> Decimal:
    rows = Balance.objects.in_scope(scope).values_list("venue", "asset", "amount")
    return exact_sum(EXACT.multiply(amount, prices_usd[Place(venue, asset)]) for venue, asset, amount in rows)


def _coins_usd(start: Start) -> Decimal:
    priced = set(start.listing.priced_by.values())
    return exact_sum(one.usd for one in start.positions if one.place in priced)


def _falls(points: Sequence[Point], start_usd: Decimal, coins_usd: Decimal) -> Falls:
    def fall(value_of: Callable[[Point], Decimal]) -> Fall:
        return _fall(drawdown_of((point.at_ns, value_of(point)) for point in points))

    return Falls(
        equity=fall(lambda point: point.value_usd),
        hold=fall(lambda point: EXACT.add(start_usd, point.split.hold)),
        coins=fall(lambda point: EXACT.add(coins_usd, point.split.hold)),
        executed=fall(lambda point: EXACT.add(start_usd, point.split.executed)),
    )


def _fall(found: Drawdown) -> Fall:
    if not found.usd:
        return Fall(ZERO, ZERO, None, None)
    return Fall(found.usd, found.share, from_ns(found.peak_at_ns), from_ns(found.trough_at_ns))


def _days(result: ReplayResult, points: Sequence[Point], start_usd: Decimal) -> tuple[DayFigures, ...]:
    """Split every change by UTC day; what came after the last day, as orders that ended late, counts to the last."""
    listed = sorted(result.summary.per_day.items())
    days, before, value, at = [], NOTHING, start_usd, 0
    for number, (day, figures) in enumerate(listed, start=1):
        split = before
        end_ns = to_ns(datetime.combine(day + timedelta(days=1), time(), UTC))
        while at < len(points) and (points[at].at_ns < end_ns or number == len(listed)):
            split, value, at = points[at].split, points[at].value_usd, at + 1
        part, before = split.since(before), split
        days.append(DayFigures(day, figures.opportunities, figures.executions, *part, part.change, value))
    return tuple(days)


def _places(curve: Curve, positions: Sequence[Position]) -> tuple[PlaceFigures, ...]:
    began = {one.place: one for one in positions}
    held, prices_usd = curve.equity.held, curve.equity.prices_usd
    return tuple(
        PlaceFigures(
            venue=place.venue,
            asset=place.asset,
            start=began[place].amount if place in began else ZERO,
            end=held[place],
            lowest=curve.lowest[place],
            start_price_usd=began[place].price_usd if place in began else prices_usd[place],
            end_price_usd=prices_usd[place],
            start_usd=began[place].usd if place in began else ZERO,
            end_usd=curve.equity.value_at(place),
        )
        for place in sorted(held)
    )


def _first_trips(scope: Scope) -> tuple[Trip, ...]:
    opened = BreakerEvent.objects.in_scope(scope).filter(after=BreakerState.OPEN.value)
    rows = opened.exclude(before=BreakerState.OPEN.value).order_by("id")
    return tuple(Trip(*row) for row in rows.values_list("happened_at", "kind", "reason")[:MOST_TRIPS])


def _most_worth(positions: Sequence[Position]) -> list[Place]:
    greatest = sorted(positions, key=lambda one: (-one.usd, one.place))[:MOST_DRAWN]
    return sorted(one.place for one in greatest)


def _span_ns(scope: Scope) -> int:
    ends = MarketSnapshot.objects.in_scope(scope).aggregate(first=Min("timestamp"), last=Max("timestamp"))
    return to_ns(ends["last"]) - to_ns(ends["first"]) if ends["last"] else 0


def _samples(points: Sequence[Point], last_places_usd: tuple[Decimal, ...]) -> tuple[Sample, ...]:
    looks = [point for point in points if point.places_usd is not None]
    if points and points[-1].places_usd is None:
        looks.append(replace(points[-1], places_usd=last_places_usd))
    return tuple(_sample(point) for point in looks)


def _sample(point: Point) -> Sample:
    split, worth = point.split, tuple(_cents(usd) for usd in point.places_usd or ())
    return Sample(
        point.at_ns, _cents(point.value_usd), _cents(split.executed), _cents(split.hold), _cents(split.inventory), worth
    )


def _cents(usd: Decimal) -> float:
    return round(to_float(usd), 2)


def _found(scope: Scope) -> tuple[Found, ...]:
    rows = Opportunity.objects.in_scope(scope).order_by("timestamp", "id")
    stride = max(1, -(-rows.count() // MOST_FOUND))
    listed = rows.values_list("timestamp", "edge_bps", "executed").iterator()
    return tuple(
        Found(to_ns(at), round(to_float(net_bps), 2), executed)
        for number, (at, net_bps, executed) in enumerate(listed)
        if number % stride == 0
    )
