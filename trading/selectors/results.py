"""What a scope has seen, tried and earned, for screens and summaries."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Avg, Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncHour

from domain.detection import Stage
from domain.execution import EXECUTION_TERMINAL, ExecutionState
from domain.ledger import Waterfall
from domain.money import DOWN, EXACT, ZERO
from domain.scope import Scope
from trading.models import EvaluationCount, Execution, ExecutionLog, Opportunity, Order
from trading.selectors.pages import MOST_COUNTED, newest_since

MOST_OPPORTUNITIES = 100_000  # that a page adds up; an index alone holds what is asked of them
_NARROWINGS = (
    ("seen", ()),
    ("fresh", (Stage.FRESH,)),
    ("crossed", (Stage.CONVERSION, Stage.CROSSED)),
    ("after_fees", (Stage.COST,)),
    ("sized", (Stage.SIZE,)),
)
_LINES = ("gross", "fees", "gas", "slippage", "unwind", "net")


@dataclass(frozen=True, slots=True)
class Funnel:
    """How many looks at a route came how far, and what became of the opportunities that they opened."""

    seen: int = 0
    fresh: int = 0
    crossed: int = 0
    after_fees: int = 0
    sized: int = 0
    opportunities: int = 0
    admitted: int = 0
    executed: int = 0


@dataclass(frozen=True, slots=True)
class Edge:
    """The net edge of this scope's opportunities, in basis points."""

    last_bps: Decimal | None = None
    mean_bps: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """How the executions ended; ``waterfall`` is in US dollars and covers those that have ended."""

    by_state: Mapping[str, int]
    filled: int
    wins: int
    waterfall: Waterfall

    @property
    def win_rate(self) -> Decimal | None:
        """Return the share of filled executions that earned; None before the first."""
        return DOWN.divide(Decimal(self.wins), Decimal(self.filled)) if self.filled else None

    @property
    def under_way(self) -> int:
        """Return how many executions have not ended."""
        return sum(count for state, count in self.by_state.items() if ExecutionState(state) not in EXECUTION_TERMINAL)


NO_RESULTS = Results({}, 0, 0, Waterfall(ZERO, ZERO, ZERO, ZERO, ZERO, ZERO))


@dataclass(frozen=True, slots=True)
class Swaps:
    """What went into blocks of a chain: swaps that traded, swaps that reverted, and the gas of both."""

    traded: int = 0
    reverted: int = 0
    gas_usd: Decimal = ZERO


NO_SWAPS = Swaps()


@dataclass(frozen=True, slots=True)
class LastTrade:
    """The execution that ended last with something filled."""

    execution_id: int
    at: datetime
    route_key: str
    symbol: str
    state: str
    notional_usd: Decimal
    net_usd: Decimal


@dataclass(frozen=True, slots=True)
class Refusals:
    """Why nothing happened: looks by the reason that ended them, opportunities by the reason they were not traded."""

    looks: Mapping[str, int]
    opportunities: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Beginnings:
    """From when on a page adds up; None where it adds up everything."""

    opportunities: datetime | None
    executions: datetime | None
    looks: datetime | None


@dataclass(frozen=True, slots=True)
class HourOfTrading:
    """What was found in an hour, how much of it was traded, and what the executions that ended in it earned."""

    hour: datetime
    opportunities: int
    executed: int
    net_usd: Decimal


def funnel_of(scope: Scope) -> Funnel:
    """Return how far the looks of ``scope`` came."""
    stages = Counter(dict(_looks(scope).values_list("stage").annotate(total=Sum("count"))))
    found = _opportunities(scope).aggregate(total=Count("id"), executed=Count("id", filter=Q(executed=True)))
    return Funnel(
        **looks_left(stages),
        opportunities=found["total"],
        admitted=_executions(scope).count(),
        executed=found["executed"],
    )


def looks_left(ended: Counter[str]) -> dict[str, int]:
    """Return how many looks came how far, from how many ended at which stage."""
    left, found = sum(ended.values()), {}
    for name, stages in _NARROWINGS:
        left -= sum(ended[stage] for stage in stages)
        found[name] = left
    return found


def edge_of(scope: Scope) -> Edge:
    """Return the net edge of the last opportunity and the mean of all."""
    last = _opportunities(scope).order_by("-timestamp").values_list("edge_bps", flat=True).first()
    return Edge(last, _opportunities(scope).aggregate(mean=Avg("edge_bps"))["mean"])


def results_of(scope: Scope, *, since: datetime | None = None) -> Results:
    """Return how the executions of ``scope``, or those decided ``since``, ended and what they earned."""
    ended = _since(_filled(scope), "decided_at", since).filter(settled_at__isnull=False)
    counts = ended.aggregate(filled=Count("id"), wins=Count("id", filter=Q(net_usd__gt=0)))
    executions = _since(_executions(scope), "decided_at", since)
    return Results(
        by_state=dict(executions.values_list("state").annotate(total=Count("id")).order_by("state")),
        filled=counts["filled"],
        wins=counts["wins"],
        waterfall=_waterfall(executions),
    )


def swaps_of(scope: Scope) -> Swaps:
    """Return what became of the swaps of ``scope`` that went into a block."""
    rows = Order.objects.in_scope(scope).order_by().filter(gas_amount__isnull=False)
    sums = rows.values_list("execution__quote_asset").annotate(
        total=Count("id"), traded=Count("id", filter=Q(filled_quantity__gt=0)), gas=Sum("gas_quote")
    )
    total = traded = 0
    gas_usd = ZERO
    for quote_asset, count, filled, gas in sums:
        total, traded = total + count, traded + filled
        gas_usd = EXACT.fma(gas or ZERO, settings.ARB.trading.quote_usd[quote_asset], gas_usd)
    return Swaps(traded, total - traded, gas_usd)


def last_trade_of(scope: Scope) -> LastTrade | None:
    """Return the execution that ended last with something filled; None before the first."""
    row = _filled(scope).filter(settled_at__isnull=False).order_by("-settled_at", "-id").first()
    if row is None or row.settled_at is None or row.net_usd is None:
        return None
    return LastTrade(
        execution_id=row.pk,
        at=row.settled_at,
        route_key=row.route_key,
        symbol=row.symbol,
        state=row.state,
        notional_usd=row.notional_usd,
        net_usd=row.net_usd,
    )


def refusals_of(scope: Scope, *, since: datetime | None = None, looks_since: datetime | None = None) -> Refusals:
    """Return why looks ended and opportunities were not traded, the commonest first; all of them, or those since."""
    refused = _since(_looks(scope), "hour", looks_since).exclude(stage=Stage.PAID)
    looks = refused.values_list("reason").annotate(total=Sum("count")).order_by("-total")
    untraded = _since(_opportunities(scope), "timestamp", since).filter(executed=False).exclude(reason="")
    return Refusals(dict(looks), dict(untraded.values_list("reason").annotate(total=Count("*")).order_by("-total")))


def busy_since(scope: Scope, since: datetime | None) -> Beginnings:
    """Return from when on to add up: ``since``, or later where more rows than a page adds up have come after it."""
    return Beginnings(
        opportunities=_later(since, newest_since(_opportunities(scope), "timestamp", most=MOST_OPPORTUNITIES)),
        executions=_later(since, newest_since(_executions(scope), "decided_at", most=MOST_COUNTED)),
        looks=_later(since, newest_since(_looks(scope), "hour", most=MOST_COUNTED)),
    )


def hours_of(scope: Scope, first: datetime, last: datetime) -> list[HourOfTrading]:
    """Return what was found and earned in each hour from ``first`` to ``last``, those with nothing left out."""
    seen = _opportunities(scope).filter(timestamp__gte=first, timestamp__lt=last)
    found = (
        seen.annotate(at=TruncHour("timestamp"))
        .values_list("at")
        .annotate(total=Count("*"), executed=Count("timestamp", filter=Q(executed=True)))
    )
    ended = ExecutionLog.objects.in_scope(scope).order_by().filter(timestamp__gte=first, timestamp__lt=last)
    earned = dict(ended.annotate(at=TruncHour("timestamp")).values_list("at").annotate(net=Sum("profit_usd")))
    counts = {hour: (total, executed) for hour, total, executed in found}
    return [
        HourOfTrading(hour, *counts.get(hour, (0, 0)), net_usd=earned.get(hour, ZERO))
        for hour in sorted({*counts, *earned})
    ]


def last_instant_of(scope: Scope) -> datetime | None:
    """Return when the newest opportunity of ``scope`` was seen; None before the first."""
    return _opportunities(scope).order_by("-timestamp").values_list("timestamp", flat=True).first()


def first_filled_at(scope: Scope) -> datetime | None:
    """Return when the first execution with fills had settled; None before."""
    settled = _filled(scope).filter(state=ExecutionState.SETTLED)
    return settled.order_by("settled_at").values_list("settled_at", flat=True).first()


def _looks(scope: Scope) -> QuerySet[EvaluationCount]:
    return EvaluationCount.objects.in_scope(scope).order_by()


def _opportunities(scope: Scope) -> QuerySet[Opportunity]:
    return Opportunity.objects.in_scope(scope).order_by()


def _executions(scope: Scope) -> QuerySet[Execution]:
    return Execution.objects.in_scope(scope).order_by()


def _filled(scope: Scope) -> QuerySet[Execution]:
    return _executions(scope).filter(Exists(Order.objects.filter(execution=OuterRef("pk"), filled_quantity__gt=0)))


def _since(rows: QuerySet[Any], column: str, since: datetime | None) -> QuerySet[Any]:
    return rows if since is None else rows.filter(**{f"{column}__gte": since})


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _waterfall(executions: QuerySet[Execution]) -> Waterfall:
    """Add up each line per quote asset, and turn it into dollars at the stated rate."""
    settled = executions.filter(settled_at__isnull=False)
    sums = settled.values_list("quote_asset").annotate(**{line: Sum(f"{line}_quote") for line in _LINES})
    totals = dict.fromkeys(_LINES, ZERO)
    for quote_asset, *amounts in sums:
        rate = settings.ARB.trading.quote_usd[quote_asset]
        for line, amount in zip(_LINES, amounts, strict=True):
            totals[line] = EXACT.add(totals[line], EXACT.multiply(amount, rate))
    return Waterfall(**totals)
