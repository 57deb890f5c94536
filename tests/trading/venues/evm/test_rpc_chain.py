"""The same troubles before a real node, with real contracts behind it."""

from collections.abc import AsyncIterator

import pytest

from simulator.chain.faulty_node import FaultyNode, Trouble, faulty_node
from simulator.chain.local import LocalChain
from tests.rpc_nodes import rpc_to
from trading.venues.evm.jsonrpc import Call, Reverted

GET_RESERVES = "0x0902f1ac"
TRANSFER_FROM_NOBODY = "0xa9059cbb" + "0" * 63 + "1" + "f" * 64


@pytest.fixture
async def first(chain: LocalChain) -> AsyncIterator[FaultyNode]:
    async with faulty_node(chain.rpc_url) as node:
        yield node


@pytest.fixture
async def second(chain: LocalChain) -> AsyncIterator[FaultyNode]:
    async with faulty_node(chain.rpc_url) as node:
        yield node


def reserves_of(chain: LocalChain) -> list[dict[str, str]]:
    return [{"to": chain.pools["uniswap_v2"].address, "data": GET_RESERVES}]


def decoded(result: str) -> tuple[int, int]:
    return int(result[2:66], 16), int(result[66:130], 16)


@pytest.mark.parametrize(
    ("trouble", "value"),
    [
        (Trouble.HANG, 0),
        (Trouble.BEHIND, 4),
        (Trouble.OTHER_CHAIN, 1),
        (Trouble.ERROR, -32000),
        (Trouble.STATUS, 502),
        (Trouble.TRUNCATED, 0),
    ],
)
@pytest.mark.parametrize("methods", [(), ("eth_call",)])
async def test_reserves_are_those_of_the_newest_block_whatever_the_first_node_does(
    chain: LocalChain, first: FaultyNode, second: FaultyNode, trouble: Trouble, value: float, methods: tuple[str, ...]
) -> None:
    async with rpc_to(first, second, chain_id=chain.chain_id) as rpc:
        await rpc.head()
        first.suffer(trouble, value, methods=methods)
        for price in (2100.0, 1900.0):
            chain.move_price("uniswap_v2", price)
            reserves = decoded(await rpc.call("eth_call", reserves_of(chain)))
            assert sorted(reserves) == sorted(chain.reserves("uniswap_v2"))
            assert (await rpc.head()).number == chain.block_number()


async def test_a_pinned_read_is_that_of_its_block(chain: LocalChain, first: FaultyNode) -> None:
    async with rpc_to(first, chain_id=chain.chain_id) as rpc:
        head, before = await rpc.head(), chain.reserves("uniswap_v2")
        chain.move_price("uniswap_v2", 2100.0)
        assert sorted(decoded(await rpc.call("eth_call", reserves_of(chain), at=head))) == sorted(before)
        assert sorted(decoded(await rpc.call("eth_call", reserves_of(chain)))) == sorted(chain.reserves("uniswap_v2"))


@pytest.mark.parametrize("depth", [1, 2, 3])
async def test_a_reorganised_chain_is_read_at_its_new_head(chain: LocalChain, first: FaultyNode, depth: int) -> None:
    async with rpc_to(first, chain_id=chain.chain_id) as rpc:
        for _ in range(depth):
            chain.move_price("uniswap_v2", 2100.0)
        old, stale = await rpc.head(), decoded(await rpc.call("eth_call", reserves_of(chain)))
        chain.reorg(depth)
        new, fresh = await rpc.head(), decoded(await rpc.call("eth_call", reserves_of(chain)))
        assert new.hash != old.hash
        assert sorted(fresh) == sorted(chain.reserves("uniswap_v2"))
        assert fresh != stale


async def test_a_contract_that_turns_a_call_down_is_heard(chain: LocalChain, first: FaultyNode) -> None:
    pool = chain.pools["uniswap_v2"].address
    async with rpc_to(first, chain_id=chain.chain_id) as rpc:
        call = Call("eth_call", ({"to": pool, "data": TRANSFER_FROM_NOBODY},))
        reverted, sound = await rpc.batch([call, Call("eth_call", tuple(reserves_of(chain)))])
        assert isinstance(reverted, Reverted)
        assert sorted(decoded(sound)) == sorted(chain.reserves("uniswap_v2"))
        assert rpc.status()[0].failed == {}
