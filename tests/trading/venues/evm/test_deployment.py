"""The file of a local chain's tokens and pools: one bad entry is named and left out, the rest goes on."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.market import Pair
from trading.venues.evm.deployment import parse_deployment, read_deployment, table_of
from trading.venues.identity import MAINNETS, PoolKind

WETH, USDC, FACTORY = ("0x" + digit * 40 for digit in "123")


def token(address: str, symbol: str, decimals: Any, asset: str) -> dict[str, Any]:
    return {"address": address, "symbol": symbol, "decimals": decimals, "asset": asset}


def pool(number: int, **changes: Any) -> dict[str, Any]:
    fields = {
        "venue": "uniswap_v2" if number == 1 else f"venue_{number}",
        "kind": "v2",
        "factory": FACTORY,
        "address": f"0x{number:040x}",
        "base": WETH,
        "quote": USDC,
        "fee_pips": 3000,
    }
    return fields | changes


def deployment(**changes: Any) -> dict[str, Any]:
    fields = {
        "chain_id": 31337,
        "multicall3": "0x" + "4" * 40,
        "wrapped_native": WETH,
        "native": "ETH",
        "tokens": [token(WETH, "WETH", 18, "ETH"), token(USDC, "USDC", 6, "USDC")],
        "pools": [pool(1), pool(2, kind="v3", fee_pips=500)],
    }
    return fields | changes


def test_a_whole_file_is_read_without_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(deployment()))
    table = table_of("ethereum", 31337, path)
    assert table.problems == ()
    assert [(pool.venue, pool.kind, pool.pair) for pool in table.pools] == [
        ("uniswap_v2", PoolKind.V2, Pair.parse("ETH/USDC")),
        ("venue_2", PoolKind.V3, Pair.parse("ETH/USDC")),
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "v4"}, "its kind 'v4' is neither v2 nor v3"),
        ({"address": "0x12"}, "its address '0x12' is no address"),
        ({"address": "0x" + "0" * 40}, "is no address"),
        ({"base": "0x" + "9" * 40}, f"its base 0x{'9' * 40} is none of the tokens"),
        ({"quote": WETH}, "it trades WETH for WETH, which are the same"),
        ({"fee_pips": 2500}, "its fee of 2500 pips is none that a v2 pool takes"),
        ({"fee_pips": "3000"}, "its fee_pips '3000' is no whole number"),
        ({"fee_pips": True}, "its fee_pips 'True' is no whole number"),
        ({"venue": "Uniswap V2"}, "its venue is 'Uniswap V2'"),
        ({"venue": "kraken"}, "its venue 'kraken' is the name of an exchange or a chain"),
        ({"venue": "ethereum"}, "its venue 'ethereum' is the name of an exchange or a chain"),
        ({"router": "nowhere"}, "its router 'nowhere' is no address"),
    ],
)
def test_a_bad_pool_is_named_in_one_sentence_and_the_rest_goes_on(changes: dict[str, Any], sentence: str) -> None:
    table = parse_deployment(deployment(pools=[pool(1), pool(2, **changes), pool(3)]), source="x")
    assert [pool.venue for pool in table.pools] == ["uniswap_v2", "venue_3"]
    (problem,) = table.problems
    assert problem.reason == "bad_entry"
    assert problem.sentence.startswith("entry 2 of pools is left out: ")
    assert sentence in problem.sentence


def test_a_bad_token_takes_its_pools_with_it_and_each_is_named() -> None:
    table = parse_deployment(
        deployment(tokens=[token(WETH, "WETH", 18, "ETH"), token(USDC, "USDC", 19, "USDC")]), source="x"
    )
    assert table.pools == ()
    assert [problem.sentence.partition(" is left out")[0] for problem in table.problems] == [
        "entry 2 of tokens",
        "entry 1 of pools",
        "entry 2 of pools",
    ]


def test_a_second_pool_of_one_market_is_left_out_and_named() -> None:
    table = parse_deployment(deployment(pools=[pool(1), pool(5, venue="uniswap_v2")]), source="x")
    assert [pool.address for pool in table.pools] == [f"0x{1:040x}"]
    assert "is that market" in table.problems[0].sentence


@pytest.mark.parametrize(
    ("given_text", "sentence"),
    [
        ("{", "cannot be read as a deployment"),
        ("[]", "a deployment is an object"),
        (json.dumps(deployment(tokens={})), "tokens is not a list"),
        (json.dumps(deployment(multicall3=None)), "its multicall3 'None' is no address"),
        (json.dumps(deployment(chain_id=0)), "its chain_id '0' is no whole number"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, given_text: str, sentence: str) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(given_text)
    with pytest.raises(BadInput, match=f"deployment.json.*{sentence}"):
        read_deployment(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.json cannot be read as a deployment: FileNotFoundError"):
        read_deployment(tmp_path / "nowhere.json")


def test_a_file_of_another_chain_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(deployment()))
    with pytest.raises(BadInput, match="tells of chain 31337, and polygon is set to 137"):
        table_of("polygon", 137, path)


def test_without_a_file_the_reviewed_table_is_taken_or_the_chain_is_unknown() -> None:
    assert table_of("ethereum", 1, None) is MAINNETS[1]
    with pytest.raises(BadInput, match="ethereum is set to chain 5, of which no table is known"):
        table_of("ethereum", 5, None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
)


@given(st.sampled_from(sorted(deployment())), VALUES, st.sampled_from(sorted(pool(1))), VALUES)
def test_no_file_whatever_crashes(name: str, value: Any, pool_name: str, pool_value: Any) -> None:
    bad = deployment(pools=[pool(1), pool(2, **{pool_name: pool_value}), value])
    table = parse_deployment(bad, source="x")
    assert table.pools[0].venue == "uniswap_v2"
    assert table.problems
    try:
        parse_deployment(deployment(**{name: value}), source="x")
    except BadInput as refused:
        assert str(refused)
