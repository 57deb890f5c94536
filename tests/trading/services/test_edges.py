import json
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.market import MarketKey
from domain.terms import Rejected
from domain.timestamps import from_ns
from mlops.models import Sample
from tests.fakes import BTC_USD, ETH_USDC, MS, NOW_NS, SIM, book, no_model, pool
from trading.models import EdgeObservation
from trading.services import edges, pipeline
from trading.services.edges import EdgeWatch
from trading.services.near_misses import NearMissTracker, record_near_miss

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
        edges.record_edges(same, left, scope=SIM)
    curve = dict(EdgeObservation.objects.values_list("offset_ms", "net_bps"))
    assert sorted(curve) == [100, 250, 500, 1000, 3000]
    assert curve[100] == curve[1000] == decision.candidate.net_bps.quantize(Decimal("1e-18"))
    assert 0 < curve[3000] < curve[1000]
    sample = Sample.objects.get()
    assert (sample.edge_at_latency_bps, sample.fillable_share_at_latency) == (float(curve[250]), 1.0)
    assert sample.known_at == from_ns(NOW_NS + 250 * MS)


def test_a_look_without_a_fresh_book_stores_no_figure(line):
    (decision,) = line.decisions(*CROSSED)
    line.commit(decision)
    watch = EdgeWatch(line.view)
    watch.watch(decision)
    ((_, left),) = watch.complete(NOW_NS + 3000 * MS)
    assert [edge.net_bps is None for edge in left] == [False, False, False, False, True]


def labelled(line, *later):
    """The sample of a decision whose markets are ``later`` when an order would meet them."""
    (decision,) = line.decisions(*CROSSED)
    line.commit(decision)
    watch = EdgeWatch(line.view)
    watch.watch(decision)
    line.view.put(*later)
    ((watched, left),) = watch.complete(NOW_NS + 3000 * MS)
    edges.record_edges(watched, left, scope=SIM)
    return Sample.objects.get(), left


def at_delay(*prices, quantity="1"):
    return book(*prices, quantity=quantity, at_ns=NOW_NS + 200 * MS)


def test_an_edge_that_is_gone_labels_its_sample_with_the_loss_that_the_planned_trade_would_have_made(line):
    sample, _ = labelled(line, at_delay("a", "99.9", "100.3"), at_delay("b", "100.2", "100.4"))
    assert sample.edge_at_latency_bps == pytest.approx((100.2 * 0.999 - 100.3 * 1.001) / 100.3 * 1e4)
    assert sample.edge_at_latency_bps < 0
    assert sample.fillable_share_at_latency == 0.0
    assert EdgeObservation.objects.get(offset_ms=250).net_bps == 0


def test_of_a_market_that_grew_too_thin_the_share_that_still_pays_is_known_and_not_the_edge(line):
    sample, _ = labelled(line, at_delay("b", "101", "101.1", quantity="0.25"))
    assert (sample.edge_at_latency_bps, sample.fillable_share_at_latency) == (None, 0.25)


def test_more_may_pay_after_the_delay_than_was_planned(line):
    deep = (at_delay("a", "99.9", "100", quantity="3"), at_delay("b", "101", "101.1", quantity="3"))
    sample, _ = labelled(line, *deep)
    assert sample.fillable_share_at_latency == 3.0


def test_a_market_that_nobody_saw_then_leaves_its_sample_unlabelled(line):
    line.config = replace(line.config, max_age_ms=200)
    sample, left = labelled(line)
    assert left[0].planned_bps is not None
    assert (sample.edge_at_latency_bps, sample.fillable_share_at_latency, sample.known_at) == (None, None, None)


@pytest.mark.parametrize(("delay_ms", "looked_at_ms"), [(0, 100), (250, 250), (251, 500), (3000, 3000), (4000, 4000)])
def test_the_label_is_of_the_first_look_not_before_the_delay(line, settings, delay_ms, looked_at_ms):
    settings.ARB = replace(settings.ARB, trading=replace(settings.ARB.trading, paper_delay_ms=delay_ms))
    (decision,) = line.decisions(*CROSSED)
    decision = replace(decision, config=replace(decision.config, max_age_ms=5000))
    line.commit(decision)
    watch = EdgeWatch(line.view, offsets_ms=edges.offsets_for(decision.config))
    watch.watch(decision)
    ((watched, left),) = watch.complete(NOW_NS + 4000 * MS)
    edges.record_edges(watched, left, scope=SIM)
    assert Sample.objects.get().known_at == from_ns(NOW_NS + looked_at_ms * MS)
    assert edges.at_delay(left).offset_ms == looked_at_ms


def test_a_near_miss_is_looked_at_once_and_labelled_without_an_opportunity(line):
    line.view.put(book("a", "99.9", "100"), book("b", "100.1", "100.2"))
    miss = near_miss(line)
    record_near_miss(miss, scope=SIM)
    watch = EdgeWatch(line.view)
    watch.watch(miss)
    line.view.put(at_delay("b", "100.3", "100.5"))
    assert list(watch.complete(NOW_NS + 249 * MS)) == []
    ((watched, left),) = watch.complete(NOW_NS + 250 * MS)
    assert [look.offset_ms for look in left] == [250]
    for _ in range(2):
        edges.record_edges(watched, left, scope=SIM)
    sample = Sample.objects.get()
    assert sample.edge_at_latency_bps == pytest.approx((100.3 * 0.999 - 100 * 1.001) / 100 * 1e4)
    assert (sample.fillable_share_at_latency, sample.known_at) == (1.0, from_ns(NOW_NS + 250 * MS))
    assert not EdgeObservation.objects.exists()


def near_miss(line):
    config = replace(line.config, near_miss_bps=Decimal(15))
    asked = {"config": config, "score": no_model, "clock": line.clock}
    looks = pipeline.decide(MarketKey("a", BTC_USD), line.view, **asked)
    found = next(one for one in looks if isinstance(one, Rejected) and one.net_bps is not None)
    spells = NearMissTracker(config, lambda route_key, at_ns: False, linger_ns=0)
    return pipeline.near_miss(found, line.view, spells=spells, **asked)


def test_what_paid_after_all_at_the_instant_of_its_near_miss_keeps_its_own_labels(line):
    line.view.put(book("a", "99.9", "100"), book("b", "100.1", "100.2"))
    miss, watch = near_miss(line), EdgeWatch(line.view)
    record_near_miss(miss, scope=SIM)
    watch.watch(miss)
    (decision,) = line.decisions(*CROSSED)
    line.commit(decision)
    watch.watch(decision)
    for watched, left in watch.complete(NOW_NS + 3000 * MS):
        edges.record_edges(watched, left, scope=SIM)
    sample = Sample.objects.get()
    assert (sample.kind, sample.edge_at_latency_bps) == ("opportunity", float(decision.candidate.net_bps))


def test_a_watch_of_near_misses_is_taken_up_again_too(line):
    line.view.put(book("a", "99.9", "100"), book("b", "100.1", "100.2"))
    miss, first, second = near_miss(line), EdgeWatch(line.view), EdgeWatch(line.view)
    first.watch(miss)
    route = miss.candidate.route
    second.restore(json.loads(json.dumps(first.state())), routes={route.key: route}, config=miss.config)
    assert list(second.complete(NOW_NS + 250 * MS)) == list(first.complete(NOW_NS + 250 * MS)) != []


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
