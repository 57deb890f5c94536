"""The local chain of the tests: real contracts that trade, mine and reorganise."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from domain.errors import Refused, Unreachable
from domain.market import Side
from simulator.chain.local import LocalChain
from simulator.chain.swaps import Swap
from simulator.chain.world import find_world
from tests.chain import start_chain

ETHER = 10**18
USDC = 10**6
BALANCE = "balanceOf(address)(uint256)"


def balances(chain: LocalChain, venue: str) -> tuple[int, int]:
    pool = chain.pools[venue]
    base, quote = (chain.call(token.address, BALANCE, chain.trader.address)[0] for token in (pool.base, pool.quote))
    return base, quote


@pytest.mark.parametrize("venue", ["uniswap_v2", "sushiswap", "uniswap_v3_500"])
@pytest.mark.parametrize(("side", "amount_in"), [(Side.BUY, 3_000 * USDC), (Side.SELL, ETHER)])
def test_a_swap_moves_the_traders_balances_by_what_the_pool_logged(chain, venue, side, amount_in):
    before = balances(chain, venue)

    done = chain.swap(venue, side, amount_in)

    base, quote = (now - then for now, then in zip(balances(chain, venue), before, strict=True))
    assert done.amount_in == amount_in
    assert (base, quote) == ((done.amount_out, -amount_in) if side is Side.BUY else (-amount_in, done.amount_out))
    assert done.block_number == chain.block_number()
    assert 50_000 < done.gas_used < 200_000


def test_a_swap_for_an_exact_amount_takes_out_just_that(chain):
    done = chain.swap_exact_out("uniswap_v2", Side.BUY, ETHER)

    assert done.amount_out == ETHER
    assert chain.reserves("uniswap_v2")[0] == 1999 * ETHER


def test_the_router_and_the_pool_agree_about_reserves(chain):
    pool = chain.pools["sushiswap"]
    base, quote = chain.reserves("sushiswap")
    asked = chain.call(pool.router, "getAmountOut(uint256,uint256,uint256)(uint256)", ETHER, base, quote)

    assert asked == (chain.swap("sushiswap", Side.SELL, ETHER).amount_out,)


@pytest.mark.parametrize("venue", ["uniswap_v2", "sushiswap", "uniswap_v3_500"])
@pytest.mark.parametrize("price", [2_960.5, 3_100.31, 3_240.0])
def test_a_price_is_reached_by_one_real_swap(chain, venue, price):
    chain.move_price(venue, price)

    assert chain.price(venue) == pytest.approx(price, rel=3e-4)  # V2 keeps its fee in the pool
    assert chain.move_price(venue, chain.price(venue)) is None


def test_a_reorganisation_replaces_blocks_and_undoes_their_swaps(chain):
    chain.mine(2)
    kept, before = chain.block(chain.block_number() - 1), chain.reserves("uniswap_v2")
    chain.swap("uniswap_v2", Side.SELL, ETHER)
    head = chain.block()

    chain.reorg(2)

    assert chain.reserves("uniswap_v2") == before
    assert chain.block(head["number"])["hash"] != head["hash"]
    assert chain.block(int(kept["number"], 16) + 1)["hash"] != head["parentHash"]
    assert chain.block(kept["number"])["hash"] == kept["hash"]
    assert chain.block()["number"] == head["number"]


def test_a_reorganisation_may_bring_swaps_of_its_own(chain):
    chain.mine(3)
    base, _ = chain.reserves("uniswap_v2")
    chain.reorg(3, [Swap("uniswap_v2", Side.SELL, ETHER)])

    assert chain.reserves("uniswap_v2")[0] == base + ETHER


def test_a_reorganisation_beyond_the_start_is_refused(chain):
    with pytest.raises(Refused, match="anvil_reorg"):
        chain.reorg(500)


def test_each_test_finds_the_chain_as_it_was_built(chain):
    assert chain.reserves("uniswap_v2") == (2_000 * ETHER, 6_200_000 * USDC)
    assert chain.reserves("sushiswap") == (800 * ETHER, 2_480_000 * USDC)
    assert chain.price("uniswap_v3_500") == pytest.approx(3_100, rel=1e-9)


def test_reserves_can_be_set_and_the_pool_takes_them_in(chain):
    chain.set_reserves("uniswap_v2", 123 * ETHER, 456_789 * USDC)

    assert chain.reserves("uniswap_v2") == (123 * ETHER, 456_789 * USDC)


def test_pools_can_be_added_and_traded(chain):
    added = chain.add_pools(2, base_reserve=10**20, quote_reserve=10**12)

    assert len({pool.address for pool in added}) == 2
    assert chain.swap(added[1].venue, Side.BUY, 10**9).amount_out > 0
    assert chain.reserves(added[0].venue) == (10**20, 10**12)


def test_the_base_fee_of_the_next_block_can_be_set(chain):
    chain.set_base_fee(7 * 10**9)
    chain.mine()

    assert int(chain.block()["baseFeePerGas"], 16) == 7 * 10**9


def test_multicall3_answers_for_several_contracts_at_once(chain):
    told = json.loads(chain.deployment.read_text())
    pool = chain.pools["uniswap_v2"]
    data = bytes.fromhex("0902f1ac")  # getReserves()
    _, answers = chain.call(
        told["multicall3"], "aggregate((address,bytes)[])(uint256,bytes[])", [(pool.address, data)] * 3
    )

    assert len(answers) == 3
    assert len(set(answers)) == 1


def test_every_contract_the_file_names_has_code(chain):
    told = json.loads(chain.deployment.read_text())
    named = [told["multicall3"], told["router"], told["wrapped_native"], told["positions"]]
    named += [token["address"] for token in told["tokens"]]
    named += [pool[part] for pool in told["pools"] for part in ("address", "factory", "router")]

    assert told["chain_id"] == int(chain.rpc("eth_chainId"), 16)
    for address in named:
        assert len(chain.rpc("eth_getCode", address, "latest")) > 100, address
    for token in told["tokens"]:
        assert chain.call(token["address"], "decimals()(uint8)") == (token["decimals"],)
        assert chain.call(token["address"], "symbol()(string)") == (token["symbol"],)


def test_what_the_contract_refuses_is_an_error_and_no_answer(chain):
    with pytest.raises(Refused, match="INSUFFICIENT_INPUT_AMOUNT"):
        chain.call(chain.pools["uniswap_v2"].router, "getAmountOut(uint256,uint256,uint256)(uint256)", 0, 1, 1)
    with pytest.raises(Refused, match="reverted"):
        chain.send(chain.pools["uniswap_v2"].quote.address, "mint(address,uint256)", chain.trader.address, 1)


def test_a_killed_node_is_unreachable():
    with start_chain() as chain:
        chain.kill()
        with pytest.raises(Unreachable):
            chain.block_number()


def test_blocks_can_come_by_themselves():
    with start_chain(block_time_s=1) as chain:
        before = chain.block_number()
        until_s = time.monotonic() + 30
        while chain.block_number() == before:
            assert time.monotonic() < until_s
            time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the supervisor's guardian ends the node")
def test_the_node_ends_with_a_parent_that_is_killed(chain):
    code = (
        "import sys, time; from pathlib import Path; from simulator.chain.node import start_node;"
        "node = start_node(Path(sys.argv[1])); print(node.process.pid, flush=True); time.sleep(60)"
    )
    program = str(chain.node.process.args[0])
    parent = subprocess.Popen([sys.executable, "-c", code, program], stdout=subprocess.PIPE, text=True)
    node_pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    until_s = time.monotonic() + 30
    while _is_running(node_pid):
        assert time.monotonic() < until_s
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_folder_that_holds_no_world_has_none(tmp_path):
    assert find_world(tmp_path) is None
