"""The table against the chain: what differs is left out by one clear sentence, and the rest goes on."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_utils import to_checksum_address

from simulator.chain.local import LocalChain
from tests.trading.venues.evm.rig import checked, connected, table_of
from trading.venues.identity import ChainTable, Pool, PoolKind

NOWHERE = "0x00000000000000000000000000000000000000AA"


def with_pool(table: ChainTable, venue: str, change: Callable[[Pool], Pool]) -> ChainTable:
    return replace(table, pools=tuple(change(pool) if pool.venue == venue else pool for pool in table.pools))


def with_decimals(table: ChainTable, symbol: str, decimals: int) -> ChainTable:
    tokens = {token.address: replace(token, decimals=decimals) for token in table.tokens if token.symbol == symbol}
    pools = tuple(
        replace(pool, base=tokens.get(pool.base.address, pool.base), quote=tokens.get(pool.quote.address, pool.quote))
        for pool in table.pools
    )
    return replace(table, pools=pools)


async def left_out(chain: LocalChain, change: Callable[[ChainTable], ChainTable]) -> tuple[set[str], str, str]:
    """Return the venues that are kept, and the reason and sentence of the one problem."""
    async with connected(chain) as rpc:
        found = await checked(rpc, change(table_of(chain)))
    (problem,) = found.problems
    kept = {pool.venue for pool in (*found.watched.v2, *found.watched.v3)}
    return kept, problem.reason, problem.sentence


async def test_the_chain_bears_out_its_own_table(chain: LocalChain) -> None:
    async with connected(chain) as rpc:
        found = await checked(rpc, table_of(chain))
    assert found.problems == ()
    assert [pool.venue for pool in found.watched.v2] == ["uniswap_v2", "sushiswap"]
    assert {pool.venue: spacing for pool, spacing in found.watched.v3.items()} == {"uniswap_v3_500": 10}


async def test_a_pool_without_code_is_named(chain: LocalChain) -> None:
    kept, reason, sentence = await left_out(
        chain, lambda table: with_pool(table, "sushiswap", lambda pool: replace(pool, address=NOWHERE))
    )
    assert kept == {"uniswap_v2", "uniswap_v3_500"}
    assert (reason, sentence) == ("no_code", f"sushiswap ETH/USDC at {NOWHERE} on chain 31337 has no code")


async def test_a_token_whose_decimals_differ_is_named_once_and_takes_its_pools_with_it(chain: LocalChain) -> None:
    kept, reason, sentence = await left_out(chain, lambda table: with_decimals(table, "USDC", 18))
    assert (kept, reason) == (set(), "decimals_differ")
    assert "on chain 31337 has 6 decimals, and the table says 18: its pools are left out" in sentence
    assert sentence.startswith("USDC at 0x")


async def test_a_token_without_code_is_named(chain: LocalChain) -> None:
    def change(table: ChainTable) -> ChainTable:
        return with_pool(table, "sushiswap", lambda pool: replace(pool, quote=replace(pool.quote, address=NOWHERE)))

    kept, reason, sentence = await left_out(chain, change)
    assert kept == {"uniswap_v2", "uniswap_v3_500"}
    assert (reason, sentence) == ("no_code", f"USDC at {NOWHERE} on chain 31337 has no code")


async def test_a_contract_that_is_no_pool_is_named(chain: LocalChain) -> None:
    multicall3 = table_of(chain).multicall3
    kept, reason, sentence = await left_out(
        chain, lambda table: with_pool(table, "uniswap_v2", lambda pool: replace(pool, address=multicall3))
    )
    assert (kept, reason) == ({"sushiswap", "uniswap_v3_500"}, "not_a_pool")
    assert sentence == f"uniswap_v2 ETH/USDC at {multicall3} on chain 31337 is no pool: it does not tell its tokens"


async def test_a_contract_that_takes_any_call_is_no_pool(chain: LocalChain) -> None:
    wrapped = table_of(chain).wrapped_native  # its fallback answers every call with nothing
    kept, reason, _ = await left_out(
        chain, lambda table: with_pool(table, "uniswap_v2", lambda pool: replace(pool, address=wrapped))
    )
    assert (kept, reason) == ({"sushiswap", "uniswap_v3_500"}, "not_a_pool")


async def test_a_pool_of_other_tokens_is_named(chain: LocalChain) -> None:
    (other,) = chain.add_pools(1)
    kept, reason, sentence = await left_out(
        chain, lambda table: with_pool(table, "uniswap_v2", lambda pool: replace(pool, address=other.address))
    )
    assert (kept, reason) == ({"sushiswap", "uniswap_v3_500"}, "tokens_differ")
    assert other.base.address.lower() in sentence
    assert "and the table says" in sentence


async def test_a_pool_of_another_factory_is_named(chain: LocalChain) -> None:
    factories = {pool.venue: pool.factory for pool in table_of(chain).pools}
    kept, reason, sentence = await left_out(
        chain, lambda table: with_pool(table, "sushiswap", lambda pool: replace(pool, factory=factories["uniswap_v2"]))
    )
    assert (kept, reason) == ({"uniswap_v2", "uniswap_v3_500"}, "factory_differs")
    assert sentence.endswith(f"is of the factory {factories['sushiswap'].lower()}, not of {factories['uniswap_v2']}")


async def test_a_v3_pool_of_another_fee_is_named(chain: LocalChain) -> None:
    kept, reason, sentence = await left_out(
        chain, lambda table: with_pool(table, "uniswap_v3_500", lambda pool: replace(pool, fee_pips=3000))
    )
    assert kept == {"uniswap_v2", "sushiswap"}
    assert reason in ("factory_differs", "fee_differs")
    assert "uniswap_v3_500 ETH/USDC" in sentence


async def test_a_v2_pool_is_no_v3_pool(chain: LocalChain) -> None:
    kept, reason, sentence = await left_out(
        chain, lambda table: with_pool(table, "sushiswap", lambda pool: replace(pool, kind=PoolKind.V3))
    )
    assert (kept, reason) == ({"uniswap_v2", "uniswap_v3_500"}, "factory_differs")
    assert "does not know sushiswap ETH/USDC" in sentence


async def test_a_v3_pool_that_nobody_has_priced_is_named(chain: LocalChain) -> None:
    pool = chain.pools["uniswap_v3_500"]
    tokens = (pool.base.address, pool.quote.address)
    chain.send(pool.factory, "createPool(address,address,uint24)", *tokens, 3000)
    (address,) = chain.call(pool.factory, "getPool(address,address,uint24)(address)", *tokens, 3000)
    kept, reason, sentence = await left_out(
        chain,
        lambda table: with_pool(
            table, "uniswap_v3_500", lambda pool: replace(pool, address=to_checksum_address(address), fee_pips=3000)
        ),
    )
    assert kept == {"uniswap_v2", "sushiswap"}
    assert reason == "empty"
    assert sentence.endswith("has no price yet: nobody has put anything in")


@pytest.mark.parametrize("venue", ["uniswap_v2", "uniswap_v3_500"])
async def test_several_bad_entries_are_each_named(chain: LocalChain, venue: str) -> None:
    async with connected(chain) as rpc:
        bad = with_pool(table_of(chain), "sushiswap", lambda pool: replace(pool, address=NOWHERE))
        bad = with_pool(bad, venue, lambda pool: replace(pool, factory=NOWHERE))
        found = await checked(rpc, bad)
    assert sorted(problem.reason for problem in found.problems) == ["factory_differs", "no_code"]
    assert len(found.watched.v2) + len(found.watched.v3) == 1
