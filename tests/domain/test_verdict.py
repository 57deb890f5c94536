"""What an edge must be, how the offered ones lie, and what tells an inventory event from a repeatable edge."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import FeeAsset, FeeSchedule
from domain.screen import factor_of
from domain.verdict import (
    Episode,
    Finding,
    Left,
    Sign,
    count_above,
    distribution_of,
    either_way,
    judge,
    measure,
    merged,
    needed_at_total,
    needed_bps,
    widened,
)

KRAKEN, BINANCE = FeeSchedule(Decimal(25), Decimal(40)), FeeSchedule(Decimal(25), Decimal(25))
histograms = st.dictionaries(st.integers(-500, 2_000), st.integers(1, 50), min_size=1, max_size=40)


def episodes(*days: int, way: str = "ab", usd: str = "1", each: int = 1) -> list[Episode]:
    """Return episodes of 1,000 USD on these days of March 2023, ``each`` a day."""
    return [
        Episode(datetime(2023, 3, day, tzinfo=UTC), way[0], way[1], "BTC/USDC", Decimal(1_000), Decimal(usd), 60.0)
        for day in days
        for _ in range(each)
    ]


def left(share: str) -> tuple[Left, ...]:
    return (Left(60_000, 10, Decimal(share), Decimal(1)),)


def test_kraken_against_binance_needs_the_fees_and_what_they_cost_of_the_price():
    assert needed_bps(KRAKEN, BINANCE) == Decimal("65.17")
    assert needed_bps(BINANCE, KRAKEN) == Decimal("65.27")


def test_a_fee_taken_in_coins_leaves_fewer_of_them_to_sell():
    alpaca = FeeSchedule(Decimal(15), Decimal(25), FeeAsset.RECEIVED)
    assert needed_bps(alpaca, KRAKEN) == Decimal("65.33")
    assert needed_bps(alpaca, KRAKEN, min_net_bps=Decimal(10)) > Decimal("75.3")


@given(buy=st.integers(0, 500), sell=st.integers(0, 500), least=st.integers(0, 300), asset=st.sampled_from(FeeAsset))
def test_what_is_needed_pays_and_a_hundredth_less_does_not(buy, sell, least, asset):
    fees = FeeSchedule(Decimal(0), Decimal(buy), asset), FeeSchedule(Decimal(0), Decimal(sell))
    needed = float(needed_bps(*fees, min_net_bps=Decimal(least)))
    scale, cost = factor_of(*fees)
    net = [(scale * (1 + bps / 1e4) - cost) * 1e4 for bps in (needed, needed - 0.011)]
    assert net[0] >= least - 1e-6
    assert net[1] < least


def test_no_looks_have_no_distribution():
    assert distribution_of({}) is None


@given(histograms)
def test_a_distribution_is_that_of_its_looks_one_by_one(offered):
    looks = sorted(tenth for tenth, count in offered.items() for _ in range(count))
    found = distribution_of(offered)
    assert found is not None
    assert found.count == len(looks)
    assert found.greatest_bps == Decimal(looks[-1]) / 10
    for value, percent in ((found.median_bps, 50), (found.p90_bps, 90), (found.p99_bps, 99)):
        at_most = sum(tenth <= value * 10 for tenth in looks)
        below = sum(tenth < value * 10 for tenth in looks)
        assert below < len(looks) * percent / 100 <= at_most


@given(st.lists(st.tuples(st.integers(-300, 1_500), st.integers(0, 100)), min_size=1, max_size=60))
def test_the_better_way_is_exact_wherever_it_is_positive(looks):
    both, best = {}, {}
    for edge, spread in looks:  # what one way offers the other lacks, and the spreads on top
        ways = (edge, -edge - spread - 1)
        for way in ways:
            both[way] = both.get(way, 0) + 1
        best[max(ways)] = best.get(max(ways), 0) + 1
    found = either_way(both)
    assert sum(found.values()) == len(looks)
    assert {way: count for way, count in found.items() if way > 0} == {
        way: count for way, count in best.items() if way > 0
    }


def test_looks_that_are_only_rounded_below_what_is_needed_are_not_counted():
    offered = {651: 3, 652: 4, 653: 5}
    assert count_above(offered, Decimal("65.17")) == 9
    assert count_above(offered, Decimal("65.2")) == 9
    assert count_above(offered, Decimal("65.21")) == 5


def test_fees_in_all_are_needed_once_more_upon_themselves():
    assert needed_at_total(Decimal(10)) == Decimal("10.01")
    assert needed_at_total(Decimal(0)) == 0


def test_the_gap_of_the_prices_is_the_edge_and_the_assumed_spread():
    assert widened({299: 1, 0: 2, 10_000: 1}, Decimal(2)) == {319: 1, 20: 2, 10_022: 1}


def test_histograms_add_up():
    assert merged([{1: 2, 3: 1}, {1: 1}]) == {1: 3, 3: 1}


def test_without_trades_nothing_would_have_paid_and_without_data_nobody_knows():
    assert judge(measure([], days_watched=9)).finding is Finding.NOTHING
    assert judge(None, has_data=False).finding is Finding.NO_DATA


def test_one_day_one_way_and_lasting_is_an_inventory_event():
    found = judge(measure(episodes(11, each=9) + episodes(12), days_watched=12, left=left("0.9")))
    assert found.finding is Finding.INVENTORY_EVENT
    assert set(found.signs) == set(Sign)
    assert found.measures is not None
    assert found.measures.greatest_day == date(2023, 3, 11)
    assert found.measures.greatest_day_share == Decimal("0.9")
    assert found.measures.drain_usd == 10_000


def test_either_way_on_many_days_and_soon_gone_is_repeatable():
    days = range(1, 9)
    both = sorted(episodes(*days, way="ab") + episodes(*days, way="ba"))
    found = judge(measure(both, days_watched=10, left=left("0.1")))
    assert found.finding is Finding.REPEATABLE
    assert not found.signs
    assert found.measures is not None
    assert found.measures.drain_usd == 1_000


def test_what_repeats_but_is_lost_when_filled_is_called_so():
    both = episodes(*range(1, 9), way="ab") + episodes(*range(1, 9), way="ba")
    measures = measure(sorted(both), days_watched=8, left=left("0.1"), settled_usd=Decimal(-1))
    assert judge(measures).finding is Finding.LOSING


@pytest.mark.parametrize(
    ("found", "days_watched"),
    [(episodes(1, 2, 3, 4), 4), (episodes(1, 2, each=9), 2), (episodes(1, 2, 3, 4, 5, each=2), 20)],
    ids=["four trades", "two days", "five days of twenty"],
)
def test_few_trades_or_few_days_are_too_little_to_tell(found, days_watched):
    assert judge(measure(found, days_watched=days_watched)).finding is Finding.TOO_LITTLE


def test_the_greater_way_of_every_two_venues_counts_as_the_same_way():
    both = episodes(1, way="ab", usd="3") + episodes(1, way="ba", usd="1") + episodes(1, way="dc", usd="4")
    found = measure(both, days_watched=1)
    assert found is not None
    assert found.same_way_share == Decimal(7) / Decimal(8)
    assert found.main_way == ("d", "c")


def test_what_flows_back_takes_no_further_stock():
    start = datetime(2023, 3, 1, tzinfo=UTC)
    there, back = episodes(1, way="ab")[0], episodes(1, way="ba")[0]
    walk = [there, there, back, there, back, back]
    timed = [one._replace(at=start + timedelta(minutes=number)) for number, one in enumerate(walk)]
    found = measure(timed, days_watched=1)
    assert found is not None
    assert found.drain_usd == 2_000
