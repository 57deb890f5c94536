"""What risk reads: the room that is used, the results of today, the rows that breakers judge."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum

from domain.breakers import BreakerState, EquityPoint, TradeOutcome
from domain.money import EXACT, ZERO
from domain.scope import Mode, Scope
from domain.timestamps import to_ns
from risk.models import Breaker, EquityMark, Gate, Outcome, Reservation

HISTORY = 120  # more than any breaker's window looks back on; of a busy quarter of an hour the latest
_OUTCOME = (  # in the order of TradeOutcome
    "settled_at",
    "net_usd",
    "gross_usd",
    "gas_usd",
    "executed",
    "both_legs_as_planned",
    "realised_slippage_bps",
    "predicted_slippage_bps",
    "unwound",
    "probe",
)


@dataclass(frozen=True, slots=True)
class Use:
    """How much of the limits a scope uses now."""

    open_executions: int
    exposure_usd: Decimal
    worst_loss_usd: Decimal
    loss_today_usd: Decimal
    is_admitted: bool  # the opportunity asked about has a reservation, released or not

    @property
    def daily_loss_usd(self) -> Decimal:
        """Return today's loss, what is under way counted as lost until it is settled."""
        return EXACT.add(self.loss_today_usd, self.worst_loss_usd)


def use_of(scope: Scope, *, now: datetime, opportunity_id: int | None = None) -> Use:
    """Return what ``scope`` uses of its limits, and whether ``opportunity_id`` was admitted before."""
    unreleased = Q(released_at__isnull=True)
    asked = Q(opportunity_id=opportunity_id)
    sums = (
        Reservation.objects.in_scope(scope)
        .filter(unreleased | asked)
        .aggregate(
            count=Count("id", filter=unreleased),
            exposure=Sum("notional_usd", filter=unreleased),
            worst_loss=Sum("worst_loss_usd", filter=unreleased),
            admitted=Count("id", filter=asked),
        )
    )
    return Use(
        open_executions=sums["count"],
        exposure_usd=sums["exposure"] or ZERO,
        worst_loss_usd=sums["worst_loss"] or ZERO,
        loss_today_usd=max(net_since_midnight(scope, now=now).copy_negate(), ZERO),
        is_admitted=bool(sums["admitted"]),
    )


def net_since_midnight(scope: Scope, *, now: datetime) -> Decimal:
    """Return what ``scope`` has earned since midnight UTC, negative for a loss."""
    midnight = datetime.combine(now.astimezone(UTC).date(), time.min, tzinfo=UTC)
    return Outcome.objects.in_scope(scope).filter(settled_at__gte=midnight).aggregate(net=Sum("net_usd"))["net"] or ZERO


def held_reservation(scope: Scope, reservation_id: int | None) -> Reservation | None:
    """Return the reservation if ``scope`` has it and it is not released."""
    found = reservation(scope, reservation_id)
    return found if found and found.released_at is None else None


def reservation(scope: Scope, reservation_id: int | None) -> Reservation | None:
    """Return the reservation if ``scope`` has it."""
    return None if reservation_id is None else Reservation.objects.in_scope(scope).filter(id=reservation_id).first()


def breakers_of(scope: Scope) -> list[Breaker]:
    """Return the breakers of ``scope``, in the order of their names."""
    return list(Breaker.objects.in_scope(scope).order_by("kind"))


def latest_equity(scope: Scope) -> Decimal | None:
    """Return what ``scope`` was worth at its last mark; None before the first."""
    mark = EquityMark.objects.in_scope(scope).order_by("-timestamp", "-id").first()
    return mark.equity_usd if mark else None


@dataclass(frozen=True, slots=True)
class History:
    """What breakers judge: outcomes and equity, oldest first."""

    outcomes: tuple[TradeOutcome, ...]
    equity: tuple[EquityPoint, ...]

    def since(self, at: datetime | None) -> "History":
        """Return what came after ``at``, with the equity as it stood then."""
        if at is None:
            return self
        at_ns = to_ns(at)
        before = [point for point in self.equity if point.at_ns <= at_ns]
        return History(
            tuple(outcome for outcome in self.outcomes if outcome.settled_at_ns > at_ns),
            (*before[-1:], *(point for point in self.equity if point.at_ns > at_ns)),
        )


def history_of(scope: Scope, *, equity_since: datetime | None = None) -> History:
    """Return the latest outcomes of ``scope`` and its equity: the latest marks and, before them, the peak.

    A peak from before ``equity_since`` does not count; the level at that moment does.
    """
    outcomes = Outcome.objects.in_scope(scope).order_by("-settled_at", "-id").values_list(*_OUTCOME)[:HISTORY]
    marks = list(_marks(scope).order_by("-timestamp", "-id")[:HISTORY])
    peak = _peak_before(scope, marks[-1][0], equity_since) if len(marks) == HISTORY else []
    return History(
        tuple(TradeOutcome(to_ns(settled_at), *rest) for settled_at, *rest in reversed(outcomes)),
        tuple(EquityPoint(to_ns(at), equity_usd) for at, equity_usd in (*peak, *reversed(marks))),
    )


def cooled_scopes(now: datetime) -> set[Scope]:
    """Return the scopes with an open breaker that has cooled down."""
    cooled = Breaker.objects.filter(state=BreakerState.OPEN.value, cool_until__lte=now).only("mode", "run_id")
    return {breaker.scope for breaker in cooled}


def _peak_before(scope: Scope, at: datetime, since: datetime | None) -> list[tuple[datetime, Decimal]]:
    earlier = _marks(scope).filter(timestamp__lt=at)
    if since:
        level_then = _marks(scope).filter(timestamp__lte=since).order_by("-timestamp", "-id").first()
        earlier = earlier.filter(timestamp__gte=level_then[0] if level_then else since)
    return list(earlier.order_by("-equity_usd")[:1])


def _marks(scope: Scope) -> Any:
    return EquityMark.objects.in_scope(scope).values_list("timestamp", "equity_usd")


def latest_run(mode: Mode) -> str:
    """Return the run of ``mode`` whose gate was made last; empty where there is none."""
    gate = Gate.objects.in_mode(mode).order_by("-id").first()
    return gate.run_id if gate else ""
