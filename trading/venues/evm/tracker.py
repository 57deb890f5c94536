"""Keeps the states of a chain's pools equal to a fresh read of its head, through gaps and reorgs.

Events bring the states from block to block, and at every head they are held against what the contracts themselves tell:
nodes are known to leave out the logs of a block that they have only just heard of.
"""

import asyncio
from collections import Counter, OrderedDict
from enum import StrEnum
from itertools import accumulate

import structlog

from domain.errors import BadMarketData
from trading.venues.evm.jsonrpc import Block
from trading.venues.evm.rpc import Rpc
from trading.venues.evm.states import StateReader, States, advance, agrees

log = structlog.get_logger(__name__)

KEPT_BLOCKS = 64
MOST_FILLED = 32  # blocks that are filled in one by one; beyond, the states are read whole
BEHIND_LOOKS = 4  # looks for which a head that was left behind is taken for a node that lags


class Move(StrEnum):
    """What a look at the head came to."""

    SAME = "same"
    BEHIND = "behind"  # a node that lags: an older block of ours
    FORWARD = "forward"
    REORG = "reorg"
    WHOLE = "whole"  # read whole


ROUTINE = frozenset({Move.SAME, Move.FORWARD, Move.WHOLE})


class History:
    """The last blocks up to the head, each with the states after it, so that a reorg can be undone."""

    def __init__(self, *, kept: int = KEPT_BLOCKS) -> None:
        self._kept = kept
        self._blocks: OrderedDict[str, tuple[Block, States]] = OrderedDict()

    def __contains__(self, block_hash: str) -> bool:
        return block_hash in self._blocks

    @property
    def head(self) -> Block | None:
        """Return the newest block, None before the first."""
        return self._blocks[next(reversed(self._blocks))][0] if self._blocks else None

    @property
    def oldest(self) -> Block | None:
        """Return the oldest block that is still known, None before the first."""
        return self._blocks[next(iter(self._blocks))][0] if self._blocks else None

    def states(self, block_hash: str) -> States:
        """Return the states after a block that is known."""
        return self._blocks[block_hash][1]

    def extend(self, block: Block, states: States) -> None:
        """Put a block on the head, whose child it must be."""
        head = self.head
        assert head is None or block.parent_hash == head.hash
        self._blocks[block.hash] = (block, states)
        while len(self._blocks) > self._kept:
            self._blocks.popitem(last=False)

    def rewind(self, block_hash: str) -> int:
        """Make a known block the head again, and return how many blocks were undone."""
        undone = 0
        while next(reversed(self._blocks)) != block_hash:
            self._blocks.popitem()
            undone += 1
        return undone

    def restart(self, block: Block, states: States) -> None:
        """Forget every block before ``block``."""
        self._blocks.clear()
        self.extend(block, states)


class PoolTracker:
    """The states at the head; ``counts`` says how often they were moved how, and why events were not followed."""

    def __init__(
        self, rpc: Rpc, reader: StateReader, history: History | None = None, *, counts: Counter[str] | None = None
    ) -> None:
        """Go on with ``counts`` where they are given."""
        self._rpc = rpc
        self._reader = reader
        self._history = history or History()
        self._behind = 0
        self.counts = Counter[str]() if counts is None else counts

    @property
    def head(self) -> Block | None:
        """Return the block that the states are of, None before the first look."""
        return self._history.head

    @property
    def states(self) -> States:
        """Return the states at the head; none before the first look."""
        head = self._history.head
        return self._history.states(head.hash) if head is not None else {}

    async def move_to(self, head: Block) -> Move:
        """Bring the states to ``head``; where that fails they stay as they were.

        Raises: Refused, Unreachable, BadMarketData.
        """
        move = await self._move(head)
        self.counts[move] += 1
        return move

    async def _move(self, head: Block) -> Move:
        ours = self._history.head
        if ours is None:
            return await self._read_whole(head)
        if head.hash == ours.hash:
            self._behind = 0
            return Move.SAME
        if head.hash in self._history:
            return self._fall_behind(head)
        self._behind = 0
        path = await self._path_to(head)
        if path is None:
            return await self._read_whole(head)
        return await self._follow(path)

    async def _follow(self, path: list[Block]) -> Move:
        """Undo what ``path`` does not build on, and apply its blocks, oldest first; or read all, if that fails."""
        try:
            after = await self._states_along(path)
        except BadMarketData as bad:
            log.warning("events_not_followed", block=path[-1].number, error=str(bad))
            self.counts[bad.reason] += 1
            return await self._read_whole(path[-1])
        undone = self._history.rewind(path[0].parent_hash)
        for block, states in zip(path, after, strict=True):
            self._history.extend(block, states)
        if not undone:
            return Move.FORWARD
        log.info("reorg", depth=undone, block=path[-1].number)
        return Move.REORG

    async def _states_along(self, path: list[Block]) -> list[States]:
        """Return the states after each block. Raises: BadMarketData ``diverged`` if the contracts tell others."""
        logs, spots = await asyncio.gather(
            asyncio.gather(*(self._reader.logs(block) for block in path)), self._reader.spots(path[-1])
        )
        first = self._history.states(path[0].parent_hash)
        after = list(accumulate(logs, advance, initial=first))[1:]
        if not agrees(after[-1], spots):
            raise BadMarketData("diverged", "events and contracts differ")
        return after

    async def _path_to(self, head: Block) -> list[Block] | None:
        """Return the blocks from the last one that we share up to ``head``; None if it is too far back."""
        oldest = self._history.oldest
        path = [head]
        while path[0].parent_hash not in self._history:
            if oldest is None or path[0].number <= oldest.number or len(path) >= MOST_FILLED:
                return None
            path.insert(0, await self._rpc.block(path[0].parent_hash))
        return path

    def _fall_behind(self, head: Block) -> Move:
        """Take an older block of ours for a lagging node's word, unless it stays the head."""
        self._behind += 1
        if self._behind <= BEHIND_LOOKS:
            return Move.BEHIND
        log.warning("head_went_back", blocks=self._history.rewind(head.hash), block=head.number)
        self._behind = 0
        return Move.REORG

    async def _read_whole(self, head: Block) -> Move:
        self._history.restart(head, await self._reader.read(head))
        return Move.WHOLE
