from dataclasses import replace

from domain.market import MarketKey, Side
from tests.fakes import BTC_USD, ETH_USDC, NOW_NS, POOL_VENUE, SIM, FixedClock, book, pool
from trading.models import FillObservation
from trading.services import observing
from trading.services.observing import FillRequest, FillWatch, StoredBooks
from trading.venues.base import Missed, NeverPlaced, Observed, Pending

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))


def test_an_order_that_was_given_up_waits_no_more(line):
    execution = line.open(*CROSSED)
    waiting = [request.order_id for request in observing.pending_requests(SIM)]
    assert len(waiting) == 2
    line.step(execution.pk)
    line.clock.advance(5_252)
    line.step(execution.pk)
    assert {order.reason for order in execution.orders.all()} == {"not_observed"}
    assert observing.pending_requests(SIM) == []


def test_waiting_orders_come_due_in_time_order_and_once():
    watch = FillWatch()
    for order_id, due_ns in ((1, 300), (2, 100), (2, 100)):
        watch.add(FillRequest(order_id, MarketKey("a", BTC_USD), Side.BUY, due_ns))
    assert [request.order_id for request in watch.due(200)] == [2]
    assert [request.order_id for request in watch.due(300)] == [1]


def test_the_stored_book_stays_whoever_stores_another(line):
    line.open(*CROSSED)
    (request, _) = observing.pending_requests(SIM)
    line.dispatch.drain()
    for best in ("99", "98"):
        observing.store_book(request, book("a", best, "100"), at_ns=NOW_NS, dispatch=line.dispatch)
    assert FillObservation.objects.get(order_id=request.order_id).book["bids"][0][0] == "99"
    assert len(line.dispatch.drain()) == 1


def test_the_paper_venue_is_told_pending_then_observed_or_missed(line):
    execution = line.open(*CROSSED)
    order = execution.orders.first()
    clock = FixedClock(NOW_NS)
    books = StoredBooks(clock)
    assert books.observed("nobody") == NeverPlaced()
    assert books.observed(order.client_id) == Pending()
    clock.advance(5_251)
    assert books.observed(order.client_id) == Missed()
    line.observe()
    observed = books.observed(order.client_id)
    assert isinstance(observed, Observed)
    assert observed.book == line.view.book(MarketKey(order.venue, BTC_USD))


def test_an_order_whose_block_has_not_come_is_asked_for_again_and_known_by_what_it_waits_from():
    watch, state = FillWatch(), pool(block=7)
    watch.add(FillRequest(1, MarketKey(POOL_VENUE, ETH_USDC), Side.BUY, 300, goes_into_a_block=True))
    (request,) = watch.due(300)
    watch.put_off(replace(request, known=state))
    assert [one.known for one in watch.waiting()] == [state]
    watch.add(request)  # told of again meanwhile
    (again,) = watch.due(301)
    assert again.known == state
    assert list(watch.due(302)) == []
