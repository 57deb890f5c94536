"""The reviewed table, held against the rules by which addresses are made."""

from itertools import chain as joined

import pytest
from eth_utils import keccak, to_checksum_address

from trading.venues.identity import MAINNETS, ChainTable, Pool, PoolKind, Token

# keccak of the pools' creation code, as each exchange's own libraries state it
V2_CODE = "96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f"
SUSHI_CODE = "e18a34eb0e04b04f7a0ac29a6e80748dca96319b42c54d679cb821dca90c6303"
V3_CODE = "e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"
CODE_OF = {
    "uniswap_v2": V2_CODE,
    "quickswap_v2": V2_CODE,
    "sushiswap": SUSHI_CODE,
    "sushiswap_polygon": SUSHI_CODE,
}

POOLS = [pool for table in MAINNETS.values() for pool in table.pools]
TOKENS = [token for table in MAINNETS.values() for token in table.tokens]


def raw(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def made_by_its_factory(pool: Pool) -> str:
    """Return the address that CREATE2 gives the pool of these tokens."""
    tokens = sorted((raw(pool.base.address), raw(pool.quote.address)))
    if pool.kind is PoolKind.V2:
        salt, code = keccak(b"".join(tokens)), CODE_OF[pool.venue]
    else:
        padded = b"".join(token.rjust(32, b"\0") for token in tokens)
        salt, code = keccak(padded + pool.fee_pips.to_bytes(32, "big")), V3_CODE
    return to_checksum_address(keccak(b"\xff" + raw(pool.factory) + salt + bytes.fromhex(code))[12:])


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: f"{pool.base.chain_id}-{pool}".replace(" ", "-"))
def test_a_pool_is_where_its_factory_puts_the_pool_of_its_tokens(pool: Pool) -> None:
    assert made_by_its_factory(pool) == pool.address


@pytest.mark.parametrize("table", MAINNETS.values(), ids=lambda table: str(table.chain_id))
def test_every_address_is_checksummed_and_used_once(table: ChainTable) -> None:
    addresses = [*(token.address for token in table.tokens), *(pool.address for pool in table.pools)]
    others = [table.multicall3, table.wrapped_native, *(pool.factory for pool in table.pools)]
    others += [pool.router for pool in table.pools if pool.router]
    assert all(address == to_checksum_address(address) for address in (*addresses, *others))
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("table", MAINNETS.values(), ids=lambda table: str(table.chain_id))
def test_tokens_and_pools_belong_to_their_chain(table: ChainTable) -> None:
    assert {token.chain_id for token in table.tokens} == {table.chain_id}
    assert {token for pool in table.pools for token in (pool.base, pool.quote)} <= set(table.tokens)
    wrapped = next(token for token in table.tokens if token.address == table.wrapped_native)
    assert (wrapped.asset, wrapped.decimals) == (table.native, 18)


def test_a_venue_has_one_pool_of_a_pair_and_is_on_one_chain() -> None:
    assert len({(pool.venue, pool.pair) for pool in POOLS}) == len(POOLS)
    chains: dict[str, set[int]] = {}
    for pool in POOLS:
        chains.setdefault(pool.venue, set()).add(pool.base.chain_id)
    assert all(len(found) == 1 for found in chains.values())


def test_what_a_bridge_issued_is_not_what_the_issuer_did() -> None:
    by_symbol: dict[str, set[str]] = {}
    for token in TOKENS:
        by_symbol.setdefault(token.symbol, set()).add(token.asset)
    assert by_symbol["USDC"] == {"USDC"}
    assert by_symbol["USDC.e"] == {"USDC.e"}
    assert by_symbol["WETH"] == {"ETH"}
    assert by_symbol["WPOL"] == {"POL"}


def test_every_entry_tells_its_source() -> None:
    entries: list[Token | Pool] = list(joined(TOKENS, POOLS))
    assert all(entry.source for entry in entries)
