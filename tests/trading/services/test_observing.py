import json
from dataclasses import replace
from decimal import Decimal

from domain.market import MarketKey, Side
from mlops.models import Sample
from tests.fakes import BTC_USD, ETH_USDC, MS, NOW_NS, POOL_VENUE, SIM, FixedClock, book, pool
from trading.models import EdgeObservation, FillObservation
from trading.services import observing
from trading.services.observing import EdgeWatch, FillRequest, FillWatch, StoredBooks
from trading.venues.base import Missed, NeverPlaced, Observed, Pending

CROSSED = (book("a", "99.9", "100"), book("b", "101", "101.1"))


def test_a_decision_is_looked_at_again_at_every_offset_and_its_curve_is_stored_once(line):
    (decision,) = line.decisions(*CROSSED)
    line.commit(decision)
    watch = EdgeWatch(line.view)
    watch.watch(decision)
    assert list(watch.complete(NOW_NS + 1000 * MS)) == []
    line.view.put(
        book("a", "99.9", "100", at_ns=NOW_NS + 1500 * MS), book("b", "100.5", "101", at_ns=NOW_NS + 1500 * MS)
    )
    ((same, left),) = watch.complete(NOW_NS + 3000 * MS)
    assert (same.route, same.decided_at_ns) == (decision.candidate.route, NOW_NS)
    for _ in range(2):
        observing.record_edges(same, left, scope=SIM)
    curve = dict(EdgeObservation.objects.values_list("offset_ms", "net_bps"))
    assert sorted(curve) == [100, 250, 500, 1000, 3000]
    assert curve[100] == curve[1000] == decision.candidate.net_bps.quantize(Decimal("1e-18"))
    assert 0 < curve[3000] < curve[1000]
    assert Sample.objects.get().edge_at_latency_bps == float(curve[250])


def test_a_look_without_a_fresh_book_stores_no_figure(line):
    (decision,) = line.decisions(*CROSSED)
    line.commit(decision)
    watch = EdgeWatch(line.view)
    watch.watch(decision)
    ((_, left),) = watch.complete(NOW_NS + 3000 * MS)
    assert [edge.net_bps is None for edge in left] == [False, False, False, False, True]


def test_a_watch_that_is_taken_up_again_finds_the_same_curve(line):
    (decision,) = line.decisions(*CROSSED)
    whole, first, second = (EdgeWatch(line.view) for _ in range(3))
    for watch in (whole, first):
        watch.watch(decision)
    assert list(first.complete(NOW_NS + 300 * MS)) == []
    state = json.loads(json.dumps(first.state()))
    routes = {decision.candidate.route.key: decision.candidate.route}
    second.restore(state, routes=routes, config=decision.config)
    assert second.state() == state
    ((_, expected),) = whole.complete(NOW_NS + 3000 * MS)
    ((_, found),) = second.complete(NOW_NS + 3000 * MS)
    assert found == expected
    assert second.state() == []


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


def test_a_swap_is_looked_at_again_with_the_gas_of_the_later_block(pool_line):
    dear = pool(price="2050")
    (decision,) = pool_line.decisions(book("a", "1999", "2000", quantity="30", pair=ETH_USDC), dear)
    watch = EdgeWatch(pool_line.view)
    watch.watch(decision)
    state = json.loads(json.dumps(watch.state()))
    list(watch.complete(NOW_NS + 999 * MS))
    later = {"seen_at_ns": NOW_NS + 1500 * MS, "seq": 2}
    pool_line.view.put(replace(dear, gas_price_wei=100 * 10**9, block=dear.block + 1, **later))
    pool_line.view.put(book("a", "1999", "2000", quantity="30", pair=ETH_USDC, at_ns=NOW_NS + 1500 * MS))
    ((_, left),) = watch.complete(NOW_NS + 3000 * MS)
    first, last = left[0].net_bps, left[-1].net_bps
    assert first == decision.candidate.net_bps.quantize(Decimal("1e-18"))
    extra = 99 * decision.candidate.gas.quote * 10_000 / decision.candidate.sized.buy_quote
    assert abs(first - last - extra) < Decimal("1e-9")
    again = EdgeWatch(pool_line.view)
    again.restore(state, routes={decision.candidate.route.key: decision.candidate.route}, config=decision.config)
    assert again.state() == state
    ((_, restored),) = again.complete(NOW_NS + 3000 * MS)
    assert restored[-1] == left[-1]
