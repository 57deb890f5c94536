"""The float screen: right at the first unit, and close enough to rule out safely."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import FeeAsset
from domain.screen import MARGIN_BPS, edges_bps, factor_of
from tests.domain.books import decimals, flat_fee


def test_the_first_unit_s_edge_with_fees_in_quote():
    factor = factor_of(flat_fee("25"), flat_fee("40"))
    gross_bps, net_bps = edges_bps(Decimal(100), Decimal(102), factor)
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
    _, net_bps = edges_bps(ask, bid, factor_of(buy_fee, sell_fee))
    kept = 1 - buy_fee.taker_share if charged_in is FeeAsset.RECEIVED else Decimal(1)
    paid = Decimal(1) if charged_in is FeeAsset.RECEIVED else 1 + buy_fee.taker_share
    exact = (bid * kept * (1 - sell_fee.taker_share) / ask - paid) * 10_000
    assert net_bps == pytest.approx(float(exact), abs=MARGIN_BPS / 2, rel=1e-12)
