"""What venues charge, and paper swaps held against the real contracts on the local chain."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.costs import ENTRY_TIER
from domain.gas import GasTerms
from domain.market import Asset, Side
from domain.money import from_raw
from tests.fakes import ETH_USDC, POOL_VENUE, SIM, FixedClock, pool, watch_chain
from trading.services.venues import POOL_FEES, SWAP_GAS_UNITS, fees_of, gas_terms, trading_venues
from trading.venues.base import Observed, Order
from trading.venues.paper import PaperVenue

QUANTITY = Decimal("0.75")


def test_a_venue_of_pools_charges_nothing_beside_its_price_whether_or_not_its_chain_is_watched(settings):
    assert fees_of("uniswap_v2") == fees_of("quickswap_v2") == POOL_FEES
    assert fees_of("kraken") == ENTRY_TIER["kraken"]


@pytest.mark.parametrize(
    ("name", "chain_id", "venues", "native"),
    [
        ("ethereum", 1, {"uniswap_v2", "sushiswap"}, "ETH"),
        ("polygon", 137, {"quickswap_v2", "sushiswap_polygon"}, "POL"),
    ],
)
def test_gas_is_taken_in_the_coin_of_the_chain_that_is_watched(settings, name, chain_id, venues, native):
    assert gas_terms() == {}
    watch_chain(settings, name, chain_id)
    assert gas_terms() == {venue: GasTerms(SWAP_GAS_UNITS, Asset(native)) for venue in venues}
    assert venues <= set(trading_venues(SIM, clock=FixedClock()))


class Stored:
    """The one state that an order meets."""

    def __init__(self, order, state):
        self._seen = Observed(order, state)

    def observed(self, client_id):
        return self._seen


def paper_swap(state, side):
    """What the paper venue makes of a swap on this state."""
    limit = Decimal(10**9) if side is Side.BUY else Decimal("1e-9")
    order = Order("c-1", ETH_USDC, side, QUANTITY, limit)
    terms = GasTerms(SWAP_GAS_UNITS, Asset("ETH"))
    venue = PaperVenue(POOL_VENUE, Stored(order, state), POOL_FEES, balances=dict, clock=FixedClock(), gas=terms)
    return venue.find("c-1")


def test_a_paper_swap_pays_what_the_contracts_pay_to_the_last_unit_and_no_less_gas(chain):
    for side in Side:
        reserves = chain.reserves(POOL_VENUE)
        found = paper_swap(replace(pool(), base_reserve=reserves[0], quote_reserve=reserves[1]), side)
        units = int(QUANTITY * 10**18)
        done = (
            chain.swap_exact_out(POOL_VENUE, side, units) if side is Side.BUY else chain.swap(POOL_VENUE, side, units)
        )
        swapped = done.amount_in if side is Side.BUY else done.amount_out
        assert found.fills[0].exact_quote == from_raw(swapped, 6)
        assert found.gas.amount == from_raw(SWAP_GAS_UNITS * pool().gas_price_wei, 18)
        assert done.gas_used <= SWAP_GAS_UNITS


def test_a_swap_that_misses_its_limit_reverts_whole_and_pays_its_gas():
    order = Order("c-1", ETH_USDC, Side.SELL, QUANTITY, Decimal(1999))
    terms = GasTerms(SWAP_GAS_UNITS, Asset("ETH"))
    venue = PaperVenue(
        POOL_VENUE, Stored(order, pool(price="2000")), POOL_FEES, balances=dict, clock=FixedClock(), gas=terms
    )
    found = venue.find("c-1")
    assert (found.fills, found.refused_reason) == ((), None)
    assert found.gas.amount == Decimal("0.00015")
