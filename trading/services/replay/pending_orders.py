"""The paper orders that wait for their market, and those whose market nobody saw, until they are given up."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from domain.market import PoolState
from domain.scope import Scope
from trading.market_json import market_to_json, pool_from_json
from trading.models import Order
from trading.services import observing
from trading.services.observing import FillRequest
from trading.services.replay.timeline import Json


class PendingOrders:
    """Knows every open paper order of a run that has not met its book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._fills = observing.FillWatch()
        self._in_vain: dict[int, int] = {}  # by order, when it is given up

    def look_for_more(self) -> None:
        """Take in the orders that were written since."""
        for request in observing.pending_requests(self._scope):
            if request.order_id not in self._in_vain:
                self._fills.add(request)

    def due(self, now_ns: int) -> Iterable[FillRequest]:
        """Yield, earliest first, the orders whose instant has come."""
        return self._fills.due(now_ns)

    def not_seen(self, request: FillRequest) -> None:
        """Note that nobody saw the market of an order in time: it waits until the venue gives it up."""
        self._in_vain[request.order_id] = request.given_up_ns

    def no_block_yet(self, request: FillRequest, *, now_ns: int) -> None:
        """Ask for an order again whose block has not come, unless the venue gives it up by now."""
        if now_ns >= request.given_up_ns:
            self.not_seen(request)
        else:
            self._fills.put_off(request)

    def given_up(self, now_ns: int) -> Iterator[int]:
        """Yield the executions of the orders that are given up by now."""
        if ended := [order_id for order_id, until_ns in self._in_vain.items() if until_ns <= now_ns]:
            for order_id in ended:
                del self._in_vain[order_id]
            yield from Order.objects.filter(pk__in=ended).values_list("execution_id", flat=True)

    def state(self) -> Json:
        """Return what ``restore`` needs beside the rows."""
        in_vain = [[order_id, until_ns] for order_id, until_ns in self._in_vain.items()]
        return {"in_vain": in_vain, "known": [[order_id, market_to_json(pool)] for order_id, pool in self._known()]}

    def restore(self, state: Json) -> None:
        """Go on from where another one stood, with the orders that the rows still show as waiting."""
        self._in_vain = dict(state["in_vain"])
        known = {order_id: pool_from_json(pool) for order_id, pool in state["known"]}
        for request in observing.pending_requests(self._scope):
            if request.order_id not in self._in_vain:
                self._fills.add(replace(request, known=known.get(request.order_id)))

    def _known(self) -> Iterator[tuple[int, PoolState]]:
        for request in self._fills.waiting():
            if request.known is not None:
                yield request.order_id, request.known
