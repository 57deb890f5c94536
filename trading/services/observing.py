"""Observing: the market that a paper order meets.

An order to a book meets the book as it stands when its delay has passed. One to a pool is then on its way to the chain:
it meets the pool as the next block leaves it, at the gas of that block.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from django.db import transaction

from domain.market import Clock, Market, MarketKey, PoolState, Side
from domain.scope import Scope
from domain.timestamps import NS_PER_MS, from_ns, to_ns
from ops.correlation import correlated
from trading.dispatch import EXECUTION_STEP, Dispatch
from trading.market_json import market_from_json, market_to_json
from trading.models import FillObservation
from trading.models import Order as OrderRow
from trading.services.execution.open import timeout_ms
from trading.services.execution.sending import order_for_venue
from trading.venues.base import Missed, NeverPlaced, Observed, Pending


class PastBooks(Protocol):
    """Markets as they were a moment ago."""

    def book_at(self, key: MarketKey, at_ns: int) -> Market | None:
        """Return the latest state seen at or before an instant."""

    def next_block(self, known: PoolState, after_ns: int) -> PoolState | None:
        """Return the pool as the first block left it that came after ``known`` and after an instant; None so far."""


@dataclass(frozen=True, slots=True)
class FillRequest:
    """A paper order that waits for the state of its market at ``due_ns``, or for the block after it."""

    order_id: int
    market: MarketKey
    side: Side
    due_ns: int
    goes_into_a_block: bool = False
    known: PoolState | None = None  # what the pool was when the order was due, once that has been looked up

    @property
    def given_up_ns(self) -> int:
        """Return when it has been waited for in vain."""
        return self.due_ns + (timeout_ms(goes_into_a_block=self.goes_into_a_block) + 1) * NS_PER_MS


def fresh_at(books: PastBooks, key: MarketKey, at_ns: int, *, max_age_ms: int) -> Market | None:
    """Return the state of a market at an instant, unless it was too old by then."""
    book = books.book_at(key, at_ns)
    return book if book is not None and at_ns - book.seen_at_ns <= max_age_ms * NS_PER_MS else None


def met_by(request: FillRequest, books: PastBooks, *, max_age_ms: int) -> Market | FillRequest | None:
    """Return what an order meets whose instant has come; None where nobody saw its market then.

    Where its block has not come, what is to be asked again.
    """
    known = request.known or fresh_at(books, request.market, request.due_ns, max_age_ms=max_age_ms)
    if isinstance(known, PoolState):
        return books.next_block(known, request.due_ns) or replace(request, known=known)
    return known


class FillWatch:
    """Holds the paper orders that wait for their market, by due time."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, FillRequest]] = []
        self._known: set[int] = set()
        self._put_off: list[FillRequest] = []

    def add(self, request: FillRequest) -> None:
        """Wait for this request's book; a request known already changes nothing."""
        if request.order_id not in self._known:
            self._known.add(request.order_id)
            heapq.heappush(self._heap, (request.due_ns, request.order_id, request))

    def put_off(self, request: FillRequest) -> None:
        """Yield this request again when they are next asked for: its block has not come."""
        self._known.add(request.order_id)
        self._put_off.append(request)

    def waiting(self) -> Iterable[FillRequest]:
        """Return every request, in no order."""
        return [*self._put_off, *(request for _, _, request in self._heap)]

    def due(self, now_ns: int) -> Iterable[FillRequest]:
        """Yield, earliest first, the requests whose time has come."""
        while self._put_off:
            request = self._put_off.pop()
            heapq.heappush(self._heap, (request.due_ns, request.order_id, request))
        while self._heap and self._heap[0][0] <= now_ns:
            request = heapq.heappop(self._heap)[2]
            self._known.discard(request.order_id)
            yield request


def pending_requests(scope: Scope, *, order_id: int | None = None) -> list[FillRequest]:
    """Return the open paper orders whose book nobody has stored yet, or the one of ``order_id``."""
    waiting = FillObservation.objects.in_scope(scope).filter(observed_at__isnull=True, order__closed_at__isnull=True)
    rows = waiting.select_related("order")
    if order_id is not None:
        rows = rows.filter(order_id=order_id)
    return [_request(row.order, to_ns(row.due_at)) for row in rows]


def _request(order: OrderRow, due_ns: int) -> FillRequest:
    return FillRequest(order.pk, order.market, Side(order.side), due_ns, goes_into_a_block=bool(order.gas_asset))


def store_book(request: FillRequest, book: Market, *, at_ns: int, dispatch: Dispatch) -> None:
    """Store the state an order meets and have its execution stepped; one stored before stays.

    Of a block nobody knows beforehand when it comes: the order met it when it was seen.
    """
    met_ns = book.seen_at_ns if isinstance(book, PoolState) else request.due_ns
    with transaction.atomic():
        stored = FillObservation.objects.filter(order_id=request.order_id, observed_at__isnull=True).update(
            observed_at=from_ns(at_ns), due_at=from_ns(met_ns), book=market_to_json(book)
        )
        if stored:
            of = OrderRow.objects.values_list("execution_id", "execution__correlation_id")
            execution_id, correlation_id = of.get(pk=request.order_id)
            with correlated(correlation_id):
                dispatch.enqueue(EXECUTION_STEP, execution_id)


class StoredBooks:
    """Tells the paper venue what an order meets, from rows alone: queueing changes nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def observed(self, client_id: str) -> Observed | Pending | Missed | NeverPlaced:
        """Return the stored observation for the order of that client id."""
        row = FillObservation.objects.select_related("order").filter(order__client_id=client_id).first()
        if row is None:
            return NeverPlaced()
        if row.book is not None:
            return Observed(order_for_venue(row.order), market_from_json(row.book))
        waited_ms = (self._clock.now_ns() - to_ns(row.due_at)) // NS_PER_MS
        return Missed() if waited_ms > timeout_ms(goes_into_a_block=bool(row.order.gas_asset)) else Pending()
