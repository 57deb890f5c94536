"""The local chain for tests: real anvil, real Uniswap contracts, real Multicall3."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from arbsite import config
from simulator.chain.local import LocalChain, open_chain
from simulator.chain.world import World, is_fetched, prepare_world

NO_CHAIN = "no local chain: make chain fetches it"


def world_of_tests() -> World:
    """Return the world; skip the test where it is not fetched, fail it where ARB_CHAIN=required."""
    folder = config.current().state_dir / "chain"
    if is_fetched(folder):
        return prepare_world(folder)
    if os.environ.get("ARB_CHAIN") == "required":
        pytest.fail(NO_CHAIN)
    pytest.skip(NO_CHAIN)


@contextmanager
def start_chain(block_time_s: int | None = None) -> Iterator[LocalChain]:
    """Run a chain of its own: kill, stall and reorganise it as you like.

    Blocks come with each transaction, or one every ``block_time_s``.
    """
    chain = open_chain(world_of_tests())
    try:
        if block_time_s is not None:
            chain.rpc("evm_setAutomine", False)
            chain.rpc("evm_setIntervalMining", block_time_s)
        yield chain
    finally:
        chain.kill()


@pytest.fixture(scope="session")
def shared_chain() -> Iterator[LocalChain]:
    """Return the one chain of this test process."""
    with start_chain() as chain:
        yield chain


@pytest.fixture
def chain(shared_chain: LocalChain) -> Iterator[LocalChain]:
    """Return the shared chain; it is put back as it was after each test."""
    with shared_chain.put_back():
        yield shared_chain
