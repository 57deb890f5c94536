"""Scans by partition: each market is looked at by one of them, whoever runs it, and never by two at once."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
from django.conf import settings as django_settings

from domain.errors import Unreachable
from domain.market import Pair
from domain.partition import Deal, Share
from domain.timestamps import from_ns
from mlops.models import ServedModel
from ops.locks import advisory
from tests.fakes import BTC_USD, NOW_NS, SIM, FixedClock, book
from tests.sessions import in_another_session
from tests.trading.services.scan.test_scan import LOT, cache, connections  # noqa: F401 - a fixture
from trading.dispatch import InlineDispatch
from trading.models import Execution, Opportunity
from trading.services.reference import of_listings, record
from trading.services.scan import scan, scan_all, scan_partition
from trading.services.stream.watch_lock import name_of
from trading.venues.base import Listing

pytestmark = pytest.mark.django_db

ETH_USD = Pair.parse("ETH/USD")
VENUES = ("kraken", "alpaca")


@pytest.fixture
def deal(connections, settings) -> Deal:  # noqa: F811 - the fixture
    """Two pairs that both pay, shared by two partitions."""
    arb = django_settings.ARB
    settings.ARB = replace(arb, pairs=(BTC_USD, ETH_USD), partition=replace(arb.partition, count=2))
    known = [one for venue in VENUES for one in of_listings(venue, [Listing(ETH_USD, LOT, "x")], source="test")]
    record(known, scope=SIM, now=from_ns(NOW_NS))
    for pair in (BTC_USD, ETH_USD):
        cheap, dear = book("kraken", "99.9", "100", at_ns=NOW_NS), book("alpaca", "101", "101.1", at_ns=NOW_NS)
        cache(connections, replace(cheap, pair=pair), replace(dear, pair=pair))
    return Deal((BTC_USD, ETH_USD), 2)


@pytest.fixture
def how(connections):  # noqa: F811 - the fixture
    return {"clock": FixedClock(), "dispatch": InlineDispatch(), "connections": connections}


def symbols(found) -> set[str]:
    return {one.route_key.partition(":")[2].partition(">")[0] for one in found.routes}


@pytest.mark.django_db(transaction=True)
def test_every_route_is_looked_at_by_one_partition_and_traded_where_its_own_is_watched(deal, how):
    first, second = deal.shares()
    with advisory(name_of(SIM, second)):
        found = [in_another_session(lambda share=share: scan(SIM, share=share, **how)) for share in (first, second)]
    assert [symbols(one) for one in found] == [{"BTC/USD"}, {"ETH/USD"}]
    assert [one.markets for one in found] == [2, 2] and [one.partition for one in found] == [1, 2]
    assert [one.is_streamed for one in found] == [False, True]
    assert Opportunity.objects.get(symbol="BTC/USD").reason == "no_stream"
    assert Execution.objects.get().symbol == "ETH/USD"


@pytest.mark.django_db(transaction=True)
def test_a_watch_of_all_pairs_watches_every_partition_and_a_scan_of_all_tells_them_apart(deal, how):
    with advisory(name_of(SIM)):
        assert in_another_session(lambda: scan(SIM, share=deal.shares()[0], **how)).is_streamed
    Opportunity.objects.all().delete()
    with advisory(name_of(SIM, deal.shares()[1])):
        found = in_another_session(lambda: scan(SIM, **how))
    assert symbols(found) == {"BTC/USD", "ETH/USD"} and not found.is_streamed and found.partition is None


OVERLAPS = (
    ([("scan:sim/test", True), ("scan:sim/test:1", False)], {2}),  # beside a scan of the first
    ([("scan:sim/test", False)], set()),  # beside one of all
    ([], {None, 1, 2}),
)


@pytest.mark.django_db(transaction=True)
def test_scans_of_one_partition_or_of_all_never_overlap(deal, how):
    shares = (Share(deal), *deal.shares())
    for held, free in OVERLAPS:
        with ExitStack() as stack:
            assert all(stack.enter_context(advisory(name, shared=is_shared)) for name, is_shared in held)
            found = in_another_session(lambda: [scan(SIM, share=share, **how) for share in shares])
        assert {one.partition for one in found if not one.skipped} == free
        assert {one.skipped for one in found if one.skipped} <= {"another scan is under way"}


def test_beside_streams_that_share_the_pairs_otherwise_nothing_is_scanned(deal, how, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "trading.services.scan.run.watched_otherwise", lambda *told: asked.append(told) or ["partition 3 of 3"]
    )
    found = scan(SIM, share=deal.shares()[1], **how)
    assert (found.skipped, found.routes) == ("the pairs are shared otherwise by who watches partition 3 of 3", ())
    assert asked == [(SIM, deal)] and not Opportunity.objects.exists()


def test_partitions_are_handed_on_and_one_alone_is_scanned_at_once(deal, how, settings):
    handed = []
    scan_all(SIM, hand_on=lambda *one: handed.append(one), **how)
    assert handed == [(1, 2), (2, 2)] and not Opportunity.objects.exists()
    settings.ARB = replace(settings.ARB, partition=replace(settings.ARB.partition, count=1))
    scan_all(SIM, hand_on=lambda *one: handed.append(one), **how)
    assert len(handed) == 2 and set(Opportunity.objects.values_list("symbol", flat=True)) == {"BTC/USD", "ETH/USD"}


def test_without_a_broker_the_next_scan_is_waited_for(deal, how):
    def refuse(*_):
        raise Unreachable("no broker")

    scan_all(SIM, hand_on=refuse, **how)
    assert not Opportunity.objects.exists()


def test_a_worker_that_shares_the_pairs_otherwise_leaves_a_scan_to_others_and_each_serves_under_its_name(
    deal, how, settings
):
    scan_partition(1, 3, SIM, **how)
    assert not Opportunity.objects.exists()
    settings.ARB = replace(settings.ARB, partition=replace(settings.ARB.partition, index=2))
    scan_partition(1, 2, SIM, **how)  # any worker scans any partition
    assert Opportunity.objects.get().symbol == "BTC/USD"
    assert set(ServedModel.objects.values_list("process", flat=True)) == {"scan-2"}


def test_what_gas_and_quotes_cost_is_read_and_not_decided_on(deal, how, settings):
    usdc = Pair.parse("BTC/USDC"), Pair.parse("USDC/USD")
    settings.ARB = replace(settings.ARB, pairs=(BTC_USD, usdc[1], usdc[0]))
    known = [
        one for venue in VENUES for pair in usdc for one in of_listings(venue, [Listing(pair, LOT, "x")], source="t")
    ]
    record(known, scope=SIM, now=from_ns(NOW_NS))
    first, second = Deal(settings.ARB.pairs, 2).shares()
    found = scan(SIM, share=first, **how)
    assert symbols(found) == {"BTC/USD", "BTC/USDC"} and f"kraken:{usdc[1]}" in found.missing
    assert symbols(scan(SIM, share=second, **how)) == {"USDC/USD"}
