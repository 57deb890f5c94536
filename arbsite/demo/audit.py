"""Whether the rows of a run agree with each other: what a kill at the wrong moment would have broken."""

from dataclasses import asdict, dataclass

from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from domain.execution import EXECUTION_TERMINAL
from domain.ledger import OURS
from domain.money import ZERO
from domain.scope import Scope
from risk.models import Outcome, Reservation
from trading.models import Balance, Execution, Fill, LedgerEntry, Order


@dataclass(frozen=True, slots=True)
class Audit:
    """Counts of what should not be; all zero in a run that ended well."""

    open_executions: int
    orders_off_their_fills: int  # the order says more or less than its fills add up to
    lopsided_bookings: int  # ledger lines of a fill, or of an order's gas, that do not sum to zero in an asset
    fills_not_booked: int
    unjudged_executions: int  # orders went out, but risk was never told how it ended
    held_reservations: int
    gas_not_booked: int = 0
    balances_off_their_ledger: int = 0  # an account holds more or less of an asset than its lines add up to

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not any(asdict(self).values())


def audit(scope: Scope) -> Audit:
    """Return what is wrong with the rows of ``scope``. Raises: DatabaseError."""
    return Audit(
        open_executions=Execution.objects.in_scope(scope).exclude(state__in=EXECUTION_TERMINAL).count(),
        orders_off_their_fills=_orders_off_their_fills(scope),
        lopsided_bookings=_lopsided_bookings(scope),
        fills_not_booked=Fill.objects.in_scope(scope).filter(entries__isnull=True).count(),
        unjudged_executions=_unjudged_executions(scope),
        held_reservations=Reservation.objects.in_scope(scope).filter(released_at__isnull=True).count(),
        gas_not_booked=Order.objects.in_scope(scope).filter(gas_amount__gt=0, gas_entries__isnull=True).count(),
        balances_off_their_ledger=_balances_off_their_ledger(scope),
    )


def _orders_off_their_fills(scope: Scope) -> int:
    filled = Fill.objects.filter(order=OuterRef("pk")).order_by().values("order").annotate(total=Sum("quantity"))
    orders = Order.objects.in_scope(scope).annotate(told=Coalesce(Subquery(filled.values("total")), ZERO))
    return orders.exclude(told=F("filled_quantity")).count()


def _lopsided_bookings(scope: Scope) -> int:
    lines = LedgerEntry.objects.in_scope(scope).order_by().values("fill", "gas_of", "asset")
    return lines.annotate(total=Sum("amount")).exclude(total=0).count()


def _balances_off_their_ledger(scope: Scope) -> int:
    ours = LedgerEntry.objects.in_scope(scope).filter(account__startswith=OURS).order_by()
    sums = ours.values_list("account", "asset").annotate(Sum("amount"))
    booked = {(account.removeprefix(OURS), asset): total for account, asset, total in sums}
    held = {(row.venue, row.asset): row.amount for row in Balance.objects.in_scope(scope)}
    return sum(booked.get(place, ZERO) != held.get(place, ZERO) for place in booked.keys() | held.keys())


def _unjudged_executions(scope: Scope) -> int:
    judged = Outcome.objects.in_scope(scope).values("execution_id")
    sent = Q(orders__sending_at__isnull=False, settled_at__isnull=False)
    return Execution.objects.in_scope(scope).filter(sent).exclude(pk__in=judged).distinct().count()
