"""The led chain: real swaps take its pools where the market goes."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from domain.market import MarketKey, Pair
from simulator.chain.blocks import GAS_LIMIT, Blocks
from simulator.chain.driver import ChainDriver
from simulator.chain.node import Node
from simulator.chain.swaps import price_of
from simulator.chain.world import World
from simulator.market import MarketProcess
from simulator.server import SimulatorConfig, serve
from tests.chain import world_of_tests

SECOND_NS = 10**9
LED = MarketKey("uniswap_v2", Pair.parse("ETH/USDC"))


@pytest.fixture(scope="module")
def world() -> World:
    return world_of_tests()


@pytest.fixture
def node(world: World) -> Iterator[Node]:
    node = world.start(is_mined_by_hand=True)
    yield node
    node.kill()


def head(node: Node) -> dict[str, str]:
    return node.client.rpc("eth_getBlockByNumber", "latest", False)


def prices_of(node: Node, world: World) -> dict[MarketKey, float]:
    return {key: price_of(node.client, pool) for key, pool in world.pools.items()}


def test_each_block_takes_every_pool_to_its_price(node: Node, world: World) -> None:
    pools = world.pools
    market = MarketProcess(3, pools=pools)
    blocks, opened_at_s = Blocks(node, pools, seed=3), int(time.time())
    before = int(head(node)["number"], 16)
    for second in range(1, 21):
        market.advance(second * SECOND_NS)
        blocks.mine(market.pool_prices, at_s=opened_at_s + second)
        led = prices_of(node, world)
        assert all(led[key] == pytest.approx(price, rel=2.5e-4) for key, price in market.pool_prices.items())
        assert int(head(node)["timestamp"], 16) == opened_at_s + second
        assert 0 < int(head(node)["gasUsed"], 16) < GAS_LIMIT

    assert int(head(node)["number"], 16) == before + 20
    assert node.client.rpc("txpool_status") == {"pending": "0x0", "queued": "0x0"}


def test_a_second_that_has_its_block_gets_no_other(node: Node, world: World) -> None:
    pools = world.pools
    market, blocks, now_s = MarketProcess(3, pools=pools), Blocks(node, pools, seed=3), int(time.time())
    blocks.mine(market.pool_prices, at_s=now_s)
    first = head(node)["hash"]
    blocks.mine(market.pool_prices, at_s=now_s)

    assert head(node)["hash"] == first


def test_the_base_fee_moves_by_the_protocols_own_rule(node: Node, world: World) -> None:
    pools = world.pools
    market, blocks, now_s = MarketProcess(3, pools=pools), Blocks(node, pools, seed=3), int(time.time())
    blocks.mine(market.pool_prices, at_s=now_s)
    before = head(node)
    blocks.mine(market.pool_prices, at_s=now_s + 1)

    fee, used, target = int(before["baseFeePerGas"], 16), int(before["gasUsed"], 16), GAS_LIMIT // 2
    change = fee * abs(used - target) // target // 8
    assert int(head(node)["baseFeePerGas"], 16) == (fee + max(1, change) if used > target else fee - change)


async def test_the_doubles_bring_their_chain_and_end_with_it(world: World) -> None:
    async with await serve(SimulatorConfig(seed=5, world=world)) as doubles:
        told = doubles.urls.as_dict()
        assert told["ethereum_rpc"].startswith("http://127.0.0.1:")
        assert told["ethereum_ws"] == told["ethereum_rpc"].replace("http", "ws")
        assert told["ethereum_deployment"] == str(world.deployment_file)
        assert doubles.chain is not None
        process = doubles.chain.node.process
        assert process.poll() is None
    assert process.poll() is not None


async def test_a_node_that_dies_is_started_again_where_it_was(world: World) -> None:
    driver = ChainDriver(world, lambda: dict.fromkeys(world.pools, 3_150.0), seed=3)
    await driver.start()
    leading = asyncio.create_task(driver.run())
    try:
        first = driver.node
        first.process.kill()
        await asyncio.to_thread(_wait_for_another_node, driver, first, world)
        assert driver.node.port == first.port
    finally:
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
        driver.stop()


def _wait_for_another_node(driver: ChainDriver, first: Node, world: World) -> None:
    until_s = time.monotonic() + 60
    while driver.node is first or prices_of(driver.node, world)[LED] < 3_149:
        assert time.monotonic() < until_s
        time.sleep(0.05)
