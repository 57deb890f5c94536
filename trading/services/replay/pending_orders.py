"""The paper orders that wait for their book, and those whose book nobody saw, until they are given up."""

from collections.abc import Iterable, Iterator

from django.conf import settings

from domain.scope import Scope
from domain.timestamps import NS_PER_MS
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
        timeout_ns = (settings.ARB.trading.observe_timeout_ms + 1) * NS_PER_MS  # it is asked for more than the time-out
        self._in_vain[request.order_id] = request.due_ns + timeout_ns

    def given_up(self, now_ns: int) -> Iterator[int]:
        """Yield the executions of the orders that are given up by now."""
        if ended := [order_id for order_id, until_ns in self._in_vain.items() if until_ns <= now_ns]:
            for order_id in ended:
                del self._in_vain[order_id]
            yield from Order.objects.filter(pk__in=ended).values_list("execution_id", flat=True)

    def state(self) -> Json:
        """Return what ``restore`` needs beside the rows."""
        return [[order_id, until_ns] for order_id, until_ns in self._in_vain.items()]

    def restore(self, state: Json) -> None:
        """Go on from where another one stood, with the orders that the rows still show as waiting."""
        self._in_vain = dict(state)
        self.look_for_more()
