from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exploration import is_explored

ROUTE = "kraken:BTC/USD>alpaca:BTC/USD"
INSTANTS = st.integers(0, 2**62)


@given(at_ns=INSTANTS)
def test_a_share_of_nothing_explores_nothing_and_a_share_of_one_everything(at_ns):
    assert not is_explored(ROUTE, at_ns, Decimal(0))
    assert is_explored(ROUTE, at_ns, Decimal(1))


@given(at_ns=INSTANTS, shares=st.tuples(*[st.decimals(0, 1, places=6)] * 2))
def test_what_a_small_share_explores_a_larger_one_explores_too(at_ns, shares):
    if is_explored(ROUTE, at_ns, min(shares)):
        assert is_explored(ROUTE, at_ns, max(shares))


@pytest.mark.parametrize("share", ["0.05", "0.3"])
def test_about_the_stated_share_of_instants_and_of_routes_is_explored(share):
    by_instant = sum(is_explored(ROUTE, at_ns, Decimal(share)) for at_ns in range(4_000))
    by_route = sum(is_explored(f"route-{number}", 7, Decimal(share)) for number in range(4_000))
    for count in (by_instant, by_route):
        assert abs(count / 4_000 - float(share)) < 0.03


def test_routes_are_explored_at_instants_of_their_own():
    chosen = [{at_ns for at_ns in range(200) if is_explored(route, at_ns, Decimal("0.5"))} for route in ("a", "b")]
    assert chosen[0] != chosen[1]
