"""Features: fixed names, known values, unknowns that say so, and a hash that pins the set."""

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.features import (
    FEATURE_HASH,
    FEATURE_NAMES,
    MAY_BE_UNKNOWN,
    FeatureContext,
    FeatureVector,
    RoutePast,
    Surroundings,
    features_of,
)
from domain.gas import GasDue
from domain.market import Asset
from domain.terms import Sized
from tests.domain.books import NOW_NS, ROUTE, SELL_VENUE, book, levels
from tests.domain.pools import pool

SIZED = Sized(
    buy_quantity=Decimal(2),
    sell_quantity=Decimal(2),
    buy_quote=Decimal(201),
    sell_quote=Decimal(205),
    buy_worst=Decimal(101),
    sell_worst=Decimal(102),
    gross_quote=Decimal(4),
    net_quote=Decimal(3),
    costs=(),
)
MARKETS = (
    book(asks=levels(("100", "1"), ("101", "3"))),
    book(SELL_VENUE, bids=levels(("103", "1"), ("102", "4")), asks=levels(("105", "3")), seen_at_ns=NOW_NS - 5 * 10**6),
)


NOTHING_KNOWN = Surroundings()


def vector(markets=MARKETS, sized=SIZED, *, known: Surroundings = NOTHING_KNOWN) -> FeatureVector:
    """Return the features of the example route."""
    return features_of(ROUTE, markets, sized, now_ns=NOW_NS + 10**6, known=known)


def named(known: Surroundings = NOTHING_KNOWN) -> dict[str, float | None]:
    """Return the example's features by name."""
    return vector(known=known).as_dict()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gross_bps", 4 / 201 * 1e4),
        ("net_bps", 3 / 201 * 1e4),
        ("cost_bps", 1 / 201 * 1e4),
        ("log_notional_quote", math.log(201)),
        ("buy_depth_share", 0.5),
        ("sell_depth_share", 0.4),
        ("buy_levels", 2),
        ("sell_levels", 2),
        ("buy_slip_bps", 100),
        ("sell_slip_bps", 1 / 103 * 1e4),
        ("buy_spread_bps", 1 / 99.5 * 1e4),
        ("sell_imbalance", -0.5),
        ("buy_age_ms", 1),
        ("sell_age_ms", 6),
        ("skew_ms", 5),
    ],
)
def test_a_feature_is_what_its_name_says(name, value):
    assert named()[name] == pytest.approx(value)


def test_the_hour_goes_round():
    assert named()["hour_sin"] ** 2 + named()["hour_cos"] ** 2 == pytest.approx(1)


def test_what_is_not_known_is_none_in_storage_and_nan_in_the_vector():
    assert named()["volatility_1h"] is None
    assert math.isnan(vector().values[FEATURE_NAMES.index("volatility_ratio")])


def test_a_known_context_enters():
    told = named(Surroundings(FeatureContext(volatility_1h=0.8, volatility_24h=0.4, returns_1h=-0.01)))
    assert (told["volatility_1h"], told["volatility_ratio"], told["returns_1h"]) == (0.8, 2.0, -0.01)


def test_a_baseline_of_nothing_leaves_the_ratio_unknown():
    assert named(Surroundings(FeatureContext(volatility_1h=0.8, volatility_24h=0.0)))["volatility_ratio"] is None


def test_a_day_s_volume_enters_as_quote_at_the_price_asked():
    told = named(Surroundings(FeatureContext(volatility_7d=0.6, volume_24h=50.0)))
    assert (told["volatility_7d"], told["log_volume_24h"]) == (0.6, pytest.approx(math.log(1 + 50 * 100)))


def test_gas_is_a_share_of_what_is_spent_and_a_route_without_a_pool_has_none():
    due = GasDue("pool", Asset("ETH"), Decimal("0.001"), Decimal(2010), Decimal("2.01"), "test")
    told = named(Surroundings(gas=due, gas_trend=-0.25))
    assert (told["gas_bps"], told["gas_trend"]) == (pytest.approx(100), -0.25)
    assert (named()["gas_bps"], named()["gas_trend"]) == (0.0, 0.0)


def test_a_route_s_past_and_the_peg_of_its_quote_enter():
    told = named(Surroundings(past=RoutePast(3.5, 0.5, 2.0), depeg_bps=-12.0))
    assert [told[name] for name in ("route_count", "route_survival", "route_left_bps", "depeg_bps")] == [
        3.5,
        0.5,
        2,
        -12,
    ]


def test_only_what_may_be_unknown_is_unknown_where_nothing_is_known_beside_the_markets():
    unknown = {name for name, value in named().items() if value is None}
    assert unknown == MAY_BE_UNKNOWN - {"gas_trend"}
    assert set(FEATURE_NAMES) > MAY_BE_UNKNOWN


def test_a_stored_vector_reads_back():
    stored = vector().as_dict()
    assert FeatureVector.from_dict(stored).as_dict() == stored


def test_the_hash_pins_the_set_that_models_were_trained_on():
    assert len(FEATURE_NAMES) == len(set(FEATURE_NAMES)) == 31
    assert FEATURE_HASH == "1ff3ec81e66ca7fc31eedc70c08cb8ed2ca081cc64687e290ae972470d8d63ea", (
        "a changed feature set needs a new FEATURE_SET name, then this pin"
    )


def test_a_pool_is_as_deep_as_its_slices_and_its_slip_is_that_of_the_average():
    state = pool()
    asks, sell = state.asks, book(SELL_VENUE, bids=levels(("2100", "1"), ("2090", "4")), asks=levels(("2200", "1")))
    trade = replace(SIZED, buy_worst=Decimal("2010.030"), sell_worst=Decimal(2090))
    told = vector((state, sell), replace(trade, buy_quantity=asks[0].quantity * 2)).as_dict()
    assert told["buy_depth_share"] == pytest.approx(2 / 16, rel=0.01)
    assert told["buy_levels"] == 3
    assert told["buy_slip_bps"] == pytest.approx(20, abs=0.1)
    assert told["buy_spread_bps"] == pytest.approx(60, abs=0.2)
    assert abs(told["buy_imbalance"]) < 0.01


def test_a_trade_beyond_the_slices_that_a_pool_shows_takes_all_of_them():
    sell = book(SELL_VENUE, bids=levels(("2100", "1"), ("102", "400")))
    told = vector((pool(), sell), replace(SIZED, buy_quantity=Decimal(100))).as_dict()
    assert told["buy_levels"] == 16
    assert told["buy_depth_share"] > 10


@pytest.mark.parametrize("stored", ["abc", "NaN", [1.0], {}, 10**400, float("inf")])
def test_what_is_stored_and_no_number_reads_as_infinite_so_that_whoever_learns_from_it_refuses_it(stored):
    assert FeatureVector.from_dict({FEATURE_NAMES[0]: stored}).values[0] == math.inf
