"""The paper venue: orders meet a stored book or pool, nothing leaves the machine, the same rows give the same fills."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from domain.costs import FeeSchedule
from domain.errors import Refused
from domain.fills import paper_fills
from domain.gas import GasTerms, gas_amount
from domain.market import Clock, Market, PoolState
from trading.venues.base import (
    AccountView,
    Ack,
    Found,
    GasPaid,
    Missed,
    NotYetKnown,
    ObservationSource,
    Observed,
    Order,
    OrderState,
    Pending,
    ProvenAbsent,
)

NOT_OBSERVED = "not_observed"


class PaperVenue:
    """A trading venue that fills immediate-or-cancel orders against the book seen after the measured delay.

    A swap meets its pool whole or reverts, and a chain takes its gas either way: ``gas`` says what a swap takes. It
    remembers nothing: an order exists once its row does, so a restart or a second worker finds the same fills.
    """

    def __init__(
        self,
        name: str,
        observations: ObservationSource,
        fees: FeeSchedule,
        *,
        balances: Callable[[], Mapping[str, Decimal]],
        clock: Clock,
        gas: GasTerms | None = None,
    ) -> None:
        self._name = name
        self._observations = observations
        self._fees = fees
        self._balances = balances
        self._clock = clock
        self._gas = gas

    @property
    def name(self) -> str:
        """Return the name of the venue that this one stands in for."""
        return self._name

    def place(self, order: Order) -> Ack:
        """Acknowledge the order; what it will meet is stored by whoever watches the market. Raises: Refused."""
        if not (order.quantity > 0 and order.limit_price > 0):
            raise Refused(
                f"order {order.client_id}: quantity {order.quantity} and limit {order.limit_price} must be > 0"
            )
        return Ack(order.client_id)

    def find(self, client_id: str, since: datetime | None = None) -> Found | ProvenAbsent | NotYetKnown:
        """Return the fills that the stored book gives, or that it was not observed, or that it is too early."""
        seen = self._observations.observed(client_id)
        if isinstance(seen, Pending):
            return NotYetKnown()
        if isinstance(seen, Missed):
            return Found(OrderState.CLOSED, refused_reason=NOT_OBSERVED)
        if isinstance(seen, Observed):
            return self._filled(seen)
        return ProvenAbsent()

    def cancel(self, client_id: str) -> Ack:
        """Acknowledge: what is left of an immediate-or-cancel order is cancelled already."""
        return Ack(client_id)

    def account(self) -> AccountView:
        """Return the balances that we were given and the fees that fills pay."""
        return AccountView(dict(self._balances()), self._fees, self._clock.now_ns())

    def _filled(self, seen: Observed) -> Found:
        order = seen.order
        fills = paper_fills(
            seen.book,
            client_id=order.client_id,
            side=order.side,
            quantity=order.quantity,
            limit=order.limit_price,
            fee=self._fees,
        )
        return Found(OrderState.CLOSED, fills, gas=self._gas_for(seen.book))

    def _gas_for(self, market: Market) -> GasPaid | None:
        if self._gas is None or not isinstance(market, PoolState):
            return None
        return GasPaid(self._gas.asset, gas_amount(market, self._gas))
