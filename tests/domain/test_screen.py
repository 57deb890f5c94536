"""The float screen: right at the first unit, and close enough to rule out safely."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import FeeAsset
from domain.market import Level
from domain.screen import MARGIN_BPS, factor_of, top_edges_bps
from tests.domain.books import book, decimals, flat_fee


def test_the_first_unit_s_edge_with_fees_in_quote():
    market = book(bids=(Level(Decimal(102), Decimal(1)),), asks=(Level(Decimal(100), Decimal(1)),))
    gross_bps, net_bps = top_edges_bps(market, market, factor_of(flat_fee("25"), flat_fee("40")))
    assert gross_bps == pytest.approx(200)
    assert net_bps == pytest.approx(200 - 25 - 40 * 1.02)


@given(
    bid=decimals("0.01", "100000", 2),
    ask=decimals("0.01", "100000", 2),
    bps=st.tuples(st.sampled_from(["0", "7.5", "40"]), st.sampled_from(["0", "25", "60"])),
    charged_in=st.sampled_from(FeeAsset),
)
def test_the_screen_is_as_good_as_exact_for_all_but_a_hair(bid, ask, bps, charged_in):
    buy_fee, sell_fee = flat_fee(bps[0], charged_in), flat_fee(bps[1])
    market = book(bids=(Level(bid, Decimal(1)),), asks=(Level(ask, Decimal(1)),))
    _, net_bps = top_edges_bps(market, market, factor_of(buy_fee, sell_fee))
    kept = 1 - buy_fee.taker_share if charged_in is FeeAsset.RECEIVED else Decimal(1)
    paid = Decimal(1) if charged_in is FeeAsset.RECEIVED else 1 + buy_fee.taker_share
    exact = (bid * kept * (1 - sell_fee.taker_share) / ask - paid) * 10_000
    assert net_bps == pytest.approx(float(exact), abs=MARGIN_BPS / 2, rel=1e-12)
