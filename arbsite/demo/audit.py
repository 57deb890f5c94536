"""Whether the rows of a run agree with each other: what a kill at the wrong moment would have broken."""

from collections import Counter
from dataclasses import asdict, dataclass

from domain.execution import EXECUTION_TERMINAL
from domain.scope import Scope
from risk.models import Reservation
from trading.models import Execution
from trading.selectors.differences import Kind, differences_of


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
    orders_open_after_the_end: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not any(asdict(self).values())


def audit(scope: Scope) -> Audit:
    """Return what is wrong with the rows of ``scope``. Raises: DatabaseError."""
    found = Counter(one.kind for one in differences_of(scope))
    return Audit(
        open_executions=Execution.objects.in_scope(scope).exclude(state__in=EXECUTION_TERMINAL).count(),
        orders_off_their_fills=found[Kind.ORDER_OFF_ITS_FILLS],
        lopsided_bookings=found[Kind.LOPSIDED_BOOKING],
        fills_not_booked=found[Kind.FILL_NOT_BOOKED],
        unjudged_executions=found[Kind.EXECUTION_UNJUDGED],
        held_reservations=Reservation.objects.in_scope(scope).filter(released_at__isnull=True).count(),
        gas_not_booked=found[Kind.GAS_NOT_BOOKED],
        balances_off_their_ledger=found[Kind.BALANCE_OFF_ITS_LEDGER],
        orders_open_after_the_end=found[Kind.ORDER_OPEN_AFTER_THE_END],
    )
