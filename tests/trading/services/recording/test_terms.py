import json
from dataclasses import replace
from decimal import Decimal

import pytest

from domain.costs import FeeAsset, FeeSchedule
from domain.errors import BadInput
from domain.features import FeatureContext
from domain.gas import GasTerms
from domain.market import Asset, MarketKey
from tests.fakes import BTC_USD, detect_config
from trading.services.recording.terms import Terms, terms_from_json


def terms() -> Terms:
    fees = {
        "a": FeeSchedule(Decimal("-2.50"), Decimal(25), FeeAsset.RECEIVED, "somewhere"),
        "b": FeeSchedule(Decimal(1), Decimal(2)),
    }
    config = replace(detect_config(), fees=fees, context={"BTC/USD": FeatureContext(0.1, 0.2, -0.3)}, resolution_s=60)
    return Terms(config, 1000, 250, {"a": "alpaca", "b": "kraken"})


def test_terms_come_back_from_json_as_they_were_zeros_and_order_included():
    told = json.loads(json.dumps(terms().to_json()))
    assert repr(terms_from_json(told)) == repr(terms())
    assert terms_from_json(told).markets == (MarketKey("a", BTC_USD), MarketKey("b", BTC_USD))


def test_what_a_swap_takes_is_kept_and_older_terms_knew_no_pools():
    gas = {"uniswap_v2": GasTerms(150_000, Asset("ETH")), "quickswap_v2": GasTerms(160_000, Asset("POL"))}
    told = json.loads(json.dumps(replace(terms(), config=replace(detect_config(), gas=gas)).to_json()))
    assert terms_from_json(told).config.gas == gas
    del told["gas"]
    assert terms_from_json(told).config.gas == {}


def test_how_near_a_near_miss_is_and_what_is_explored_are_kept_and_older_terms_knew_neither():
    near = replace(terms(), config=replace(detect_config(), near_miss_bps=Decimal("7.5"), exploration_share=Decimal(1)))
    told = json.loads(json.dumps(near.to_json()))
    assert repr(terms_from_json(told)) == repr(near)
    del told["near_miss_bps"], told["exploration_share"]
    old = terms_from_json(told).config
    assert (old.near_miss_bps, old.exploration_share) == (0, 0)


def test_what_the_models_were_not_told_stays_unknown():
    unknown = replace(terms(), config=replace(detect_config(), context={"BTC/USD": FeatureContext()}))
    told = json.loads(json.dumps(unknown.to_json(), allow_nan=False))
    assert repr(terms_from_json(told)) == repr(unknown)


@pytest.mark.parametrize(("name", "spoilt"), [("fees", None), ("min_net_bps", "many"), ("lots", [["a"]])])
def test_terms_that_cannot_be_read_are_refused_in_one_sentence(name, spoilt):
    with pytest.raises(BadInput, match="terms of the recording cannot be read"):
        terms_from_json(terms().to_json() | {name: spoilt})
