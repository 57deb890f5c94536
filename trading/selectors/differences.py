"""Where a scope's rows say different things of the same: what a kill, a restore or a hand on the rows would leave."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from domain.execution import EXECUTION_TERMINAL, LEG_TERMINAL, ExecutionState
from domain.ledger import OURS
from domain.money import plain
from domain.scope import Scope
from ops.sql import rows_of
from trading.formats import spaced

MOST = 1000  # more are counted as so many
ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
_ENDED = [str(state) for state in EXECUTION_TERMINAL - {ExecutionState.NEEDS_PERSON}]  # whose orders are all done


class Kind(StrEnum):
    """What disagrees."""

    ORDER_OFF_ITS_FILLS = "order_off_its_fills"  # the order says more or less than its fills add up to
    LOPSIDED_BOOKING = "lopsided_booking"  # ledger lines of a fill, or of an order's gas, are not zero in an asset
    FILL_NOT_BOOKED = "fill_not_booked"
    GAS_NOT_BOOKED = "gas_not_booked"
    EXECUTION_UNJUDGED = "execution_unjudged"  # orders went out, but risk was never told how it ended
    ORDER_OPEN_AFTER_THE_END = "order_open_after_the_end"
    RESERVATION_HELD_FOR_NOTHING = "reservation_held_for_nothing"  # what it was taken for has ended, or never began
    BALANCE_OFF_ITS_LEDGER = "balance_off_its_ledger"


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement: of what, and both figures."""

    kind: Kind
    subject: str
    stated: Decimal
    found: Decimal

    def __str__(self) -> str:
        return f"{spaced(self.kind)}: {self.subject}, {plain(self.stated)} against {plain(self.found)}"


# One statement is one snapshot: rows that are written meanwhile never look as if they disagreed.
_DIFFERENCES = """
WITH execution AS MATERIALIZED (
    SELECT id, state, settled_at, reservation_id FROM trading_execution
    WHERE mode = %(mode)s AND run_id = %(run_id)s AND (decided_at >= %(since)s OR settled_at IS NULL)
), orders AS MATERIALIZED (
    SELECT o.* FROM trading_order o JOIN execution e ON e.id = o.execution_id
), fill AS MATERIALIZED (
    SELECT f.id, f.order_id, f.quantity FROM trading_fill f JOIN orders o ON o.id = f.order_id
), line AS MATERIALIZED (
    SELECT l.fill_id, l.gas_of_id, l.asset, l.amount
    FROM trading_ledgerentry l JOIN execution e ON e.id = l.execution_id
)
SELECT 'order_off_its_fills', 'order ' || o.id, o.filled_quantity, coalesce(f.total, 0)
FROM orders o LEFT JOIN (SELECT order_id, sum(quantity) AS total FROM fill GROUP BY order_id) f ON f.order_id = o.id
WHERE o.filled_quantity <> coalesce(f.total, 0)
UNION ALL
SELECT 'lopsided_booking', coalesce('fill ' || fill_id, 'gas of order ' || gas_of_id) || ' in ' || asset, 0, sum(amount)
FROM line GROUP BY fill_id, gas_of_id, asset HAVING sum(amount) <> 0
UNION ALL
SELECT 'fill_not_booked', 'fill ' || f.id, f.quantity, 0
FROM fill f WHERE NOT EXISTS (SELECT FROM line WHERE line.fill_id = f.id)
UNION ALL
SELECT 'gas_not_booked', 'order ' || o.id, o.gas_amount, 0
FROM orders o WHERE o.gas_amount > 0 AND NOT EXISTS (SELECT FROM line WHERE line.gas_of_id = o.id)
UNION ALL
SELECT 'execution_unjudged', 'execution ' || e.id, 1, 0
FROM execution e WHERE e.settled_at IS NOT NULL
  AND EXISTS (SELECT FROM orders o WHERE o.execution_id = e.id AND o.sending_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM risk_outcome r
                  WHERE r.mode = %(mode)s AND r.run_id = %(run_id)s AND r.execution_id = e.id)
UNION ALL
SELECT 'order_open_after_the_end', 'order ' || o.id || ' ' || o.state, 1, 0
FROM orders o JOIN execution e ON e.id = o.execution_id
WHERE e.state = ANY(%(ended)s) AND o.state <> ALL(%(orders_ended)s)
UNION ALL
SELECT 'reservation_held_for_nothing', 'reservation ' || r.id, r.notional_usd, 0
FROM risk_reservation r LEFT JOIN trading_execution e
  ON e.mode = r.mode AND e.run_id = r.run_id AND e.reservation_id = r.id
WHERE r.mode = %(mode)s AND r.run_id = %(run_id)s AND r.released_at IS NULL
  AND (e.id IS NULL OR e.state = ANY(%(ended)s))
UNION ALL
SELECT 'balance_off_its_ledger', coalesce(b.venue, l.venue) || ' ' || coalesce(b.asset, l.asset),
       coalesce(b.amount, 0), coalesce(l.total, 0)
FROM (SELECT venue, asset, amount FROM trading_balance WHERE mode = %(mode)s AND run_id = %(run_id)s) b
FULL JOIN (
    SELECT substr(account, %(prefix)s) AS venue, asset, sum(amount) AS total FROM trading_ledgerentry
    WHERE mode = %(mode)s AND run_id = %(run_id)s AND starts_with(account, %(ours)s) GROUP BY 1, 2
) l ON l.venue = b.venue AND l.asset = b.asset
WHERE (b.asset IS NULL OR l.asset IS NULL OR b.amount <> l.total)
LIMIT %(most)s
"""


def differences_of(scope: Scope, *, since: datetime = ALWAYS) -> list[Difference]:
    """Return what disagrees in ``scope``, at most ``MOST``.

    Of executions, those decided ``since`` then and every open one; balances are compared with the whole ledger.
    """
    asked = {
        **scope.columns,
        "since": since,
        "ended": _ENDED,
        "orders_ended": list(map(str, LEG_TERMINAL)),
        "ours": OURS,
        "prefix": len(OURS) + 1,
        "most": MOST,
    }
    rows = rows_of(_DIFFERENCES, asked)
    return [Difference(Kind(kind), subject, Decimal(stated), Decimal(found)) for kind, subject, stated, found in rows]
