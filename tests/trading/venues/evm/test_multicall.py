"""Many reads in one call: packed as the ABI says, cut where it says, refused where it cannot be."""

import pytest
from eth_abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadMarketData, Refused
from simulator.chain.local import LocalChain
from tests.trading.venues.evm.rig import connected, table_of
from trading.venues.evm.multicall import Read, cut, pack, read_all
from trading.venues.evm.wire import AGGREGATE3, DECIMALS, GET_RESERVES, TOKEN0

MULTICALL = "0x" + "ca" * 20
READS = st.lists(st.tuples(st.binary(min_size=20, max_size=20), st.binary(max_size=100)), max_size=12)


@given(READS)
def test_packed_calldata_is_what_the_abi_says(reads: list[tuple[bytes, bytes]]) -> None:
    given_reads = [Read(f"0x{target.hex()}", data) for target, data in reads]
    packed = pack(MULTICALL, given_reads, most_calls=1000)
    expected = [(read.target, True, read.data) for read in given_reads]
    assert sum(packed.counts) == len(reads)
    if reads:
        (payload,) = packed.payloads
        assert bytes.fromhex(payload[2:]) == AGGREGATE3 + encode(["(address,bool,bytes)[]"], [expected])


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=100)), max_size=12))
def test_an_answer_is_cut_as_the_abi_says(results: list[tuple[bool, bytes]]) -> None:
    answer = encode(["(bool,bytes)[]"], [results])
    assert cut(answer, len(results)) == [data if is_good else None for is_good, data in results]
    assert decode(["(bool,bytes)[]"], answer)[0] == tuple(results)


@given(st.lists(st.binary(max_size=70), min_size=1, max_size=5), st.data())
def test_an_answer_cut_short_is_refused_or_no_shorter_than_its_padding(
    results: list[bytes], data: st.DataObject
) -> None:
    answer = encode(["(bool,bytes)[]"], [[(True, result) for result in results]])
    short = answer[: data.draw(st.integers(0, len(answer) - 1))]
    try:
        found = cut(short, len(results))
    except BadMarketData as bad:
        assert bad.reason == "truncated"
    else:
        assert found == results


@given(st.binary(max_size=400), st.integers(0, 5))
def test_no_answer_whatever_crashes(answer: bytes, count: int) -> None:
    try:
        assert len(cut(answer, count)) == count
    except BadMarketData as bad:
        assert bad.reason == "truncated"


async def test_one_read_that_reverts_leaves_the_others(chain: LocalChain) -> None:
    table = table_of(chain)
    token = table.tokens[0]
    reads = [Read(token.address, DECIMALS), Read(token.address, GET_RESERVES), Read(table.pools[0].address, TOKEN0)]
    async with connected(chain) as rpc:
        first, second, third = await read_all(rpc, pack(table.multicall3, reads), at=await rpc.head())
    assert int.from_bytes(first, "big") == token.decimals
    assert second is None or second == b""  # a wrapped coin's fallback takes any call
    assert len(third) == 32


async def test_reads_beyond_one_call_go_in_several_and_keep_their_order(chain: LocalChain) -> None:
    table = table_of(chain)
    reads = [Read(token.address, DECIMALS) for token in table.tokens] * 5
    packed = pack(table.multicall3, reads, most_calls=3)
    assert packed.counts == (3, 3, 3, 1)
    async with connected(chain) as rpc:
        answers = await read_all(rpc, packed, at=await rpc.head())
    assert [int.from_bytes(answer, "big") for answer in answers] == [token.decimals for token in table.tokens] * 5


async def test_a_multicall_without_code_is_refused_by_its_address(chain: LocalChain) -> None:
    packed = pack(MULTICALL, [Read(table_of(chain).tokens[0].address, DECIMALS)])
    async with connected(chain) as rpc:
        with pytest.raises(Refused, match=f"{MULTICALL}, the table's multicall3, has no code"):
            await read_all(rpc, packed, at=await rpc.head())
