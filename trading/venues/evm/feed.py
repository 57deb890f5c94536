"""A chain as a source of pools: every new head's states handed on, quiet ones confirmed while the head stays."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import Random

import redis.asyncio
import structlog

from domain.errors import BadInput, BadMarketData, Refused, Unreachable
from domain.market import Clock, Pair, PoolState
from domain.secret import Secret
from trading.venues.base import FeedStatus, OnChange
from trading.venues.connection import SocketSettings, keep_talking
from trading.venues.evm.checks import Checked, check_table
from trading.venues.evm.deployment import table_of
from trading.venues.evm.endpoints import EndpointStatus
from trading.venues.evm.heads import HeadConversation, Nudge
from trading.venues.evm.jsonrpc import Block
from trading.venues.evm.rpc import Rpc, RpcCounts, open_rpc
from trading.venues.evm.rpc_settings import RpcSettings
from trading.venues.evm.states import StateReader
from trading.venues.evm.tracker import ROUTINE, PoolTracker
from trading.venues.evm.v3 import V3State
from trading.venues.evm.watch import ChainWatch, WatchRules
from trading.venues.health import FeedHealth
from trading.venues.identity import ChainTable, Pool, PoolKind, Problem

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChainFeedSettings:
    """How a chain is reached and watched."""

    rpc: RpcSettings
    ws_url: Secret | None
    poll_ms: int
    rules: WatchRules
    deployment: Path | None


class ChainSource:
    """One chain as a source of the states of its pools, each a market of its own venue."""

    def __init__(
        self,
        settings: ChainFeedSettings,
        *,
        clock: Clock,
        rng: Random,
        redis: "redis.asyncio.Redis | None" = None,
    ) -> None:
        self.venue = settings.rpc.name
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._redis = redis
        self._seq = count(1)
        origin = f"chain {settings.rpc.chain_id}"
        polled_every_ms = settings.poll_ms if settings.ws_url is None else None
        self._health = FeedHealth(
            self.venue, origin=origin, polled_every_ms=polled_every_ms, max_age_ms=settings.rules.max_age_ms
        )
        self._socket = FeedHealth(self.venue, origin=origin)
        self._moves: Counter[str] = Counter()
        self._watch: ChainWatch | None = None
        self._rpc: Rpc | None = None  # the latest, be it closed: what was counted stays readable
        self._kept: Rpc | None = None
        self._checked: dict[tuple[Pool, ...], Checked] = {}
        self._left_out: tuple[Problem, ...] = ()
        self._untold: tuple[Problem, ...] = ()

    @property
    def status(self) -> FeedStatus:
        """Return how the feed is doing now; what was left out, reorgs and the socket's troubles count as trouble."""
        told = self._health.status()
        trouble = Counter(told.trouble) + Counter(problem.reason for problem in self.problems)
        trouble += Counter({str(kind): times for kind, times in self._moves.items() if kind not in ROUTINE})
        trouble += Counter({f"socket_{reason}": times for reason, times in self._socket.trouble.items()})
        return replace(told, trouble=dict(trouble))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return what of the table or the settings cannot be used, one sentence each; none before the first look."""
        return self._left_out + self._untold

    @property
    def nodes(self) -> tuple[EndpointStatus, ...]:
        """Return how each node is doing; none before the first connection."""
        return self._rpc.status() if self._rpc is not None else ()

    @property
    def counts(self) -> RpcCounts | None:
        """Return what was asked of the nodes, None before the first connection."""
        return self._rpc.counts() if self._rpc is not None else None

    @property
    def v3_states(self) -> tuple[V3State, ...]:
        """Return every V3 pool at the head, none while nothing is streamed."""
        return self._watch.v3_states() if self._watch is not None else ()

    async def stream(self, pairs: Sequence[Pair], on_change: OnChange) -> None:
        """Call ``on_change`` with every state at every head, and again while the head stays, until cancelled.

        Raises: Refused if the chain cannot be watched as configured.
        """
        table, nudge = self._table(), Nudge()
        self._watch = None  # it knows the nodes by the connections of before
        async with self._open() as rpc, self._listening(nudge) as listening:
            while True:
                await self._look(rpc, table, pairs, on_change)
                await nudge.wait(self._settings.poll_ms / 1000)
                if listening.done():
                    listening.result()  # our own fault, if any

    async def snapshot(self, pairs: Sequence[Pair]) -> list[PoolState]:
        """Return the state of every pool of these pairs at the head. Raises: Refused, Unreachable."""
        async with self._looked(pairs, PoolKind.V2) as watch:
            pools = list(watch.markets())
        for pool in pools:
            self._health.sound(venue_at_ns=pool.venue_at_ns, seen_at_ns=pool.seen_at_ns)
        return pools

    async def v3_snapshot(self, pairs: Sequence[Pair]) -> list[V3State]:
        """Return every V3 pool of these pairs at the head. Raises: Refused, Unreachable."""
        async with self._looked(pairs, PoolKind.V3) as watch:
            return list(watch.v3_states())

    @asynccontextmanager
    async def _looked(self, pairs: Sequence[Pair], kind: PoolKind) -> AsyncIterator[ChainWatch]:
        """Open a look at the pools of one kind; the table is held against the chain at the first of each."""
        table = self._table()
        async with self._open() as rpc:
            try:
                asked_at_ns = self._clock.now_ns()
                head = await rpc.head()
                pools = tuple(pool for pool in table.pools_of(kind) if pool.pair in pairs)
                checked = self._checked.get(pools) or await self._check(rpc, table, pools, pairs, head)
                watch = self._watch_of(rpc, checked)
                await watch.move_to(head, asked_at_ns)
            except BadMarketData as bad:
                self._health.refused[bad.reason] += 1
                raise Unreachable(f"{self.venue} answers what cannot be: {bad}") from bad
            yield watch

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the connections for the time of the block: every snapshot inside uses them."""
        async with self._open() as rpc:
            self._kept = rpc
            try:
                yield
            finally:
                self._kept = None

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Rpc]:
        if self._kept is not None:
            yield self._kept
            return
        async with open_rpc(self._settings.rpc, redis=self._redis) as rpc:
            self._rpc = rpc
            yield rpc

    def _table(self) -> ChainTable:
        settings, self._untold = self._settings, ()
        try:
            return table_of(self.venue, settings.rpc.chain_id, settings.deployment)
        except BadInput as bad:
            self._untold = (Problem("no_table", str(bad)),)
            raise Refused(str(bad)) from bad

    async def _look(self, rpc: Rpc, table: ChainTable, pairs: Sequence[Pair], on_change: OnChange) -> None:
        """Ask for the head once and hand on what there is; what fails is counted, and the next look tries again."""
        asked_at_ns = self._clock.now_ns()
        try:
            head = await rpc.head()
            watch = self._watch = self._watch or await self._begin(rpc, table, pairs, head)
            await self._move(watch, head, asked_at_ns)
        except Unreachable as error:
            self._lost("unreachable", error)
        except BadMarketData as bad:
            self._health.refused[bad.reason] += 1
            log.warning("head_refused", venue=self.venue, error=str(bad))
        else:
            self._heard(asked_at_ns)
            self._hand_on(watch, on_change)

    async def _move(self, watch: ChainWatch, head: Block, asked_at_ns: int) -> None:
        try:
            await watch.move_to(head, asked_at_ns)
        except Refused as refused:  # a block that a reorg took away meanwhile, or a read that ran out of gas
            raise Unreachable(str(refused)) from refused

    async def _begin(self, rpc: Rpc, table: ChainTable, pairs: Sequence[Pair], head: Block) -> ChainWatch:
        """Hold the table against the chain and return the watch of what it bears out."""
        pools = tuple(pool for pool in table.pools if pool.pair in pairs)
        return self._watch_of(rpc, await self._check(rpc, table, pools, pairs, head))

    async def _check(
        self, rpc: Rpc, table: ChainTable, pools: tuple[Pool, ...], pairs: Sequence[Pair], head: Block
    ) -> Checked:
        try:
            checked = self._checked[pools] = await check_table(rpc, table, pools, at=head)
        except Refused as refused:
            self._left_out = (*table.problems, Problem("not_read", str(refused)))
            raise
        self._left_out = (*table.problems, *checked.problems, *_unknown(self.venue, table, pairs))
        for problem in self._left_out:
            log.error("left_out", venue=self.venue, reason=problem.reason, error=problem.sentence)
        return checked

    def _watch_of(self, rpc: Rpc, checked: Checked) -> ChainWatch:
        tracker = PoolTracker(rpc, StateReader(rpc, checked.watched), counts=self._moves)
        return ChainWatch(checked.watched, tracker, self._settings.rules, clock=self._clock, seq=self._seq)

    def _heard(self, asked_at_ns: int) -> None:
        now_ns = self._clock.now_ns()
        if self._health.connected_at_ns is None:
            self._health.connected(now_ns)
        self._health.heard(now_ns)
        self._health.answered(now_ns - asked_at_ns)

    def _lost(self, reason: str, error: Unreachable) -> None:
        if self._health.connected_at_ns is None and self._health.trouble[reason]:
            self._health.trouble[reason] += 1
            return
        self._health.disconnected(reason)
        log.warning("chain_lost", venue=self.venue, error=str(error))

    def _hand_on(self, watch: ChainWatch, on_change: OnChange) -> None:
        reason = watch.head_fault()
        self._health.venue_state = reason or ""
        if reason is not None:
            self._health.refused[reason] += 1
            return
        is_new = watch.is_new()
        if not (is_new or watch.is_quiet()):
            return
        for pool in watch.markets(refused=self._health.refused):
            if is_new:
                self._health.sound(venue_at_ns=pool.venue_at_ns, seen_at_ns=pool.seen_at_ns)
            else:
                self._health.confirm(pool.seen_at_ns)
            on_change(pool)

    @asynccontextmanager
    async def _listening(self, nudge: Nudge) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.create_task(self._listen(nudge), name=f"{self.venue}-heads")
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _listen(self, nudge: Nudge) -> None:
        """Let the node tell of new heads, where it has a WebSocket; else, or if it will not, they are asked for."""
        settings = self._settings
        if settings.ws_url is None:
            return
        silence_s = settings.rules.max_head_age_ms / 1000
        socket = SocketSettings(settings.ws_url.reveal(), silence_s=silence_s, book_silence_s=2 * silence_s)

        def begin() -> HeadConversation:
            return HeadConversation(self.venue, settings.rpc.chain_id, nudge, health=self._socket, clock=self._clock)

        try:
            await keep_talking(socket, begin, health=self._socket, clock=self._clock, rng=self._rng)
        except Refused as refused:
            self._untold = (Problem("heads_not_told", str(refused)),)
            log.error("heads_not_told", venue=self.venue, error=str(refused))


def _unknown(chain: str, table: ChainTable, pairs: Sequence[Pair]) -> Iterator[Problem]:
    known = {pool.pair for pool in table.pools_of(PoolKind.V2)} | {pool.pair for pool in table.pools_of(PoolKind.V3)}
    for pair in pairs:
        if pair not in known:
            yield Problem("unknown_pair", f"{chain} has no pool of {pair} in its table")
