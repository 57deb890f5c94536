"""A local chain to work on: read it, trade on it, mine, reorganise, stall and kill it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domain.market import Side
from simulator.chain import swaps
from simulator.chain.account import Account, Receipt, call
from simulator.chain.building import UNISWAP_V2, UNLIMITED, add_v2_liquidity, create_v2_pool, deploy_token
from simulator.chain.contracts import token_bytecode
from simulator.chain.deployment import Pool, PoolKind
from simulator.chain.node import Node
from simulator.chain.swaps import Call, Swap, Swapped
from simulator.chain.world import World

BLOCKS_TO_REPLACE = 8
_PLENTY = 10**30  # raw units


class LocalChain:
    """A running chain; blocks come with each transaction."""

    def __init__(self, node: Node, deployment_file: Path, pools: Mapping[str, Pool], chain_id: int) -> None:
        self.node = node
        self.deployment = deployment_file
        self.pools = dict(pools)
        self.chain_id = chain_id
        self.rpc = node.client.rpc
        self.batch = node.client.batch
        self.owner, self.trader = (Account(node.client, address) for address in self.rpc("eth_accounts")[:2])

    @property
    def rpc_url(self) -> str:
        """Return where the node answers JSON-RPC."""
        return self.node.rpc_url

    @property
    def ws_url(self) -> str:
        """Return where the node tells of new heads."""
        return self.node.ws_url

    def call(self, to: str, signature: str, *args: Any, block: str = "latest") -> tuple[Any, ...]:
        """Return what ``balanceOf(address)(uint256)`` answers. Raises: Refused if it reverts."""
        return call(self.node.client, to, signature, *args, block=block)

    def send(self, to: str, signature: str, *args: Any, value: int = 0, sender: Account | None = None) -> Receipt:
        """Return the receipt of a call, mined at once. Raises: Refused if it reverts."""
        return (sender or self.trader).send(to, signature, *args, value=value)

    def block_number(self) -> int:
        """Return the head's number."""
        return int(self.rpc("eth_blockNumber"), 16)

    def block(self, which: int | str = "latest") -> dict[str, Any]:
        """Return a block by number or tag, with the hashes of its transactions."""
        told: dict[str, Any] = self.rpc("eth_getBlockByNumber", hex(which) if isinstance(which, int) else which, False)
        return told

    def mine(self, blocks: int = 1) -> int:
        """Mine empty blocks and return the new head's number."""
        self.rpc("anvil_mine", hex(blocks))
        return self.block_number()

    def set_base_fee(self, wei: int) -> None:
        """Set the base fee of the next block."""
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))

    def reorg(self, depth: int, swaps: Sequence[Swap] = ()) -> None:
        """Replace the last ``depth`` blocks by as many others; ``swaps`` go into the first of them.

        Raises: Refused where ``depth`` reaches beyond the blocks mined since the chain's start.
        """
        pairs = [[self._request(swap), 0] for swap in swaps]
        self.rpc("anvil_reorg", depth, pairs)

    def swap(self, venue: str, side: Side, amount_in: int) -> Swapped:
        """Put ``amount_in`` raw units into a pool. Raises: Refused if the pool would not have it."""
        return self._swapped(swaps.exact_in(self.pools[venue], Swap(venue, side, amount_in), self.trader.address))

    def swap_exact_out(self, venue: str, side: Side, amount_out: int) -> Swapped:
        """Take ``amount_out`` raw units out of a V2 pool. Raises: Refused if the pool would not have it."""
        return self._swapped(swaps.exact_out(self.pools[venue], side, amount_out, self.trader.address))

    def move_price(self, venue: str, price: float) -> Swapped | None:
        """Take a pool's marginal price (before its fee) to ``price`` by one swap; None where it is there."""
        to_make = swaps.towards(self.node.client, self.pools[venue], price, self.trader.address)
        return self._swapped(to_make) if to_make else None

    def price(self, venue: str) -> float:
        """Return a pool's marginal price before its fee."""
        return swaps.price_of(self.node.client, self.pools[venue])

    def reserves(self, venue: str) -> tuple[int, int]:
        """Return the raw reserves of base and quote of a V2 pool."""
        return swaps.reserves(self.node.client, self.pools[venue])

    def set_reserves(self, venue: str, base_reserve: int, quote_reserve: int) -> None:
        """Give a V2 pool these raw reserves: its balances are set, and the pool itself takes them in."""
        pool = self.pools[venue]
        for token, balance in ((pool.base, base_reserve), (pool.quote, quote_reserve)):
            self.rpc("anvil_dealERC20", pool.address, token.address, hex(balance))
        self.send(pool.address, "sync()")

    def add_pools(self, count: int, *, base_reserve: int = 10**21, quote_reserve: int = 3 * 10**12) -> list[Pool]:
        """Return new V2 pools of tokens of their own, known by venues of their own from now on."""
        factory, bytecode = self.pools[UNISWAP_V2], token_bytecode()
        made = [self._add_pool(f"pool_{len(self.pools) + 1}", factory, bytecode) for _ in range(count)]
        for pool in made:
            add_v2_liquidity(self.owner, pool, base_amount=base_reserve, quote_amount=quote_reserve)
        return made

    def pause(self) -> None:
        """Let the node stand still: connections stay open and say nothing."""
        self.node.pause()

    def resume(self) -> None:
        """Let the node go on."""
        self.node.resume()

    def kill(self) -> None:
        """End the node."""
        self.node.kill()

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """Leave the chain as it was."""
        snapshot, pools = self.rpc("evm_snapshot"), dict(self.pools)
        try:
            yield
        finally:
            self.rpc("evm_revert", snapshot)
            self.pools = pools

    def _add_pool(self, venue: str, like: Pool, bytecode: str) -> Pool:
        base, quote = (
            deploy_token(self.owner, bytecode, name=name, symbol=name[:16], decimals=decimals, asset=name)
            for name, decimals in ((f"B{venue}", 18), (f"Q{venue}", 6))
        )
        for token in (base, quote):
            for account in (self.owner, self.trader):
                self.owner.send(token.address, "mint(address,uint256)", account.address, _PLENTY)
                account.send(token.address, "approve(address,uint256)", like.router, UNLIMITED)
        unborn = Pool(venue, PoolKind.V2, like.factory, like.router, "", base, quote, like.fee_pips)
        self.pools[venue] = pool = create_v2_pool(self.node.client, self.owner, unborn)
        return pool

    def _request(self, swap: Swap) -> dict[str, str]:
        to_make = swaps.exact_in(self.pools[swap.venue], swap, self.trader.address)
        return self.trader.request(to_make.to, to_make.signature, *to_make.args)

    def _swapped(self, to_make: Call) -> Swapped:
        return swaps.read_swap(self.trader.send(to_make.to, to_make.signature, *to_make.args))


def open_chain(world: World, *, port: int = 0) -> LocalChain:
    """Return a chain of its own, some blocks long. Raises: Unreachable."""
    node, deployment = world.start(port=port), world.deployment
    node.client.rpc("anvil_mine", hex(BLOCKS_TO_REPLACE))
    return LocalChain(node, world.deployment_file, deployment.pools, deployment.chain_id)
