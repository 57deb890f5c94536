"""What a run came to: figures by UTC day, refusals by stage and reason, executions by state, read from its rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from domain.breakers import BreakerState
from domain.detection import STAGES, Stage
from domain.money import ZERO, exact_sum, plain
from domain.scope import Scope
from risk.models import BreakerEvent
from trading.models import EvaluationCount, Execution, Opportunity

EXECUTION_STAGE = "execution"
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day, by the instant of the decision."""

    opportunities: int
    executions: int
    pnl_usd: Decimal

    @property
    def pnl_to_the_cent(self) -> Decimal:
        """Return the result in whole cents, rounded down: a loss is never shown smaller than it is."""
        return self.pnl_usd.quantize(CENT, rounding=ROUND_FLOOR)


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a run; ``refused`` holds counts by stage and reason.

    Up to the size stage a refusal is one look at one route, from admission on it is one opportunity.
    """

    per_day: Mapping[date, Day]
    refused: Mapping[str, Mapping[str, int]]
    executions: Mapping[str, int]
    breakers: Mapping[str, int]  # how often each tripped

    @property
    def refused_by_reason(self) -> dict[str, int]:
        """Return the refusals of all stages together, the most frequent first."""
        total: Counter[str] = Counter()
        for reasons in self.refused.values():
            total.update(reasons)
        return dict(total.most_common())

    @property
    def total(self) -> Day:
        """Return the sum of all days."""
        days = self.per_day.values()
        return Day(
            sum(day.opportunities for day in days),
            sum(day.executions for day in days),
            exact_sum(day.pnl_usd for day in days),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the summary ready for JSON: counts and rounded dollars as numbers, exact money as strings."""
        return {
            "per_day": {day.isoformat(): _day_json(figures) for day, figures in self.per_day.items()},
            "total": _day_json(self.total),
            "refused": self.refused_by_reason,
            "refused_by_stage": {stage: dict(reasons) for stage, reasons in self.refused.items()},
            "executions": dict(self.executions),
            "breakers": dict(self.breakers),
        }


def summarise(scope: Scope, days: Sequence[date]) -> Summary:
    """Return the figures of ``scope``; a day on which nothing happened shows zeros."""
    return Summary(_per_day(scope, days), _refused(scope), _executions(scope), _trips(scope))


def _per_day(scope: Scope, days: Sequence[date]) -> dict[date, Day]:
    found = _by_day(Opportunity.objects.in_scope(scope), "timestamp", count=Count("id"))
    traded = _by_day(Execution.objects.in_scope(scope), "decided_at", count=Count("id"), net=Sum("net_usd"))
    every_day = sorted({*days, *found, *traded})
    nothing: dict[str, Any] = {"count": 0, "net": None}
    return {
        day: Day(
            opportunities=found.get(day, nothing)["count"],
            executions=traded.get(day, nothing)["count"],
            pnl_usd=traded.get(day, nothing)["net"] or ZERO,
        )
        for day in every_day
    }


def _by_day(rows: Any, instant: str, **figures: Any) -> dict[date, dict[str, Any]]:
    grouped = rows.order_by().annotate(day=TruncDate(instant)).values("day").annotate(**figures)
    return {row["day"]: row for row in grouped}


def _refused(scope: Scope) -> dict[str, dict[str, int]]:
    looks = EvaluationCount.objects.in_scope(scope).exclude(stage=Stage.PAID).order_by()
    stages: dict[str, dict[str, int]] = {stage: {} for stage in (*STAGES, EXECUTION_STAGE)}
    for row in looks.values("stage", "reason").annotate(total=Sum("count")).order_by("-total", "reason"):
        stages[row["stage"]][row["reason"]] = row["total"]
    executed_ids = Execution.objects.in_scope(scope).values("opportunity_id")
    refused = Opportunity.objects.in_scope(scope).exclude(reason="")
    stages[Stage.ADMISSION] |= _by_reason(refused.exclude(pk__in=executed_ids))
    stages[EXECUTION_STAGE] |= _by_reason(refused.filter(pk__in=executed_ids))
    return {stage: reasons for stage, reasons in stages.items() if reasons}


def _by_reason(rows: Any) -> dict[str, int]:
    counted = rows.order_by().values("reason").annotate(total=Count("id")).order_by("-total", "reason")
    return {row["reason"]: row["total"] for row in counted}


def _executions(scope: Scope) -> dict[str, int]:
    states = Execution.objects.in_scope(scope).order_by().values("state").annotate(total=Count("id"))
    return {row["state"]: row["total"] for row in states.order_by("state")}


def _trips(scope: Scope) -> dict[str, int]:
    opened = BreakerEvent.objects.in_scope(scope).filter(after=BreakerState.OPEN.value)
    kinds = opened.exclude(before=BreakerState.OPEN.value).order_by().values("kind").annotate(total=Count("id"))
    return {row["kind"]: row["total"] for row in kinds.order_by("kind")}


def _day_json(day: Day) -> dict[str, Any]:
    return {
        "opportunities": day.opportunities,
        "executions": day.executions,
        "pnl_usd": float(day.pnl_to_the_cent),
        "pnl_usd_exact": plain(day.pnl_usd),
    }
