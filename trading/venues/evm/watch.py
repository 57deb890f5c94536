"""What of one chain is handed on, and when: the states at a head that is of now, new ones and confirmed ones."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from domain.errors import BadMarketData
from domain.market import Clock, PoolState
from domain.timestamps import NS_PER_MS
from trading.venues.evm.heads import next_base_fee_wei
from trading.venues.evm.jsonrpc import Block
from trading.venues.evm.pools import Reserves, Seen, market_of
from trading.venues.evm.states import Watched
from trading.venues.evm.tracker import Move, PoolTracker
from trading.venues.evm.v3 import Curve, V3State

_CONFIRMED_AFTER = 3  # parts of the age at which a state is too old


@dataclass(frozen=True, slots=True)
class WatchRules:
    """When a state is too old, when a head is, and the tip that we pay per unit of gas."""

    chain_id: int
    max_age_ms: int
    max_head_age_ms: int
    tip_wei: int


class ChainWatch:
    """The states at the head of one chain, when they were seen, and when they were handed on last."""

    def __init__(
        self,
        watched: Watched,
        tracker: PoolTracker,
        rules: WatchRules,
        *,
        clock: Clock,
        seq: Iterator[int],
    ) -> None:
        self._rules = rules
        self._watched = watched
        self._tracker = tracker
        self._clock = clock
        self._seq = seq
        self._seen: Seen | None = None
        self._handed_on: Seen | None = None

    async def move_to(self, head: Block, asked_at_ns: int) -> None:
        """Bring the states to ``head``, which a node called its own no earlier than ``asked_at_ns``."""
        if await self._tracker.move_to(head) is not Move.BEHIND:
            gas_price_wei = next_base_fee_wei(head, chain_id=self._rules.chain_id) + self._rules.tip_wei
            self._seen = Seen(head, gas_price_wei, asked_at_ns, self._clock.now_ns())

    def head_fault(self) -> str | None:
        """Return ``stale`` or ``future`` for a head whose own time is too far from ours."""
        if self._seen is None:
            return None
        age_ms = (self._clock.now_ns() - self._seen.block.at_ns) / NS_PER_MS
        if age_ms > self._rules.max_head_age_ms:
            return "stale"
        return "future" if -age_ms > self._rules.max_head_age_ms else None

    def is_new(self) -> bool:
        """Return whether the states are of another block than those that were handed on last."""
        seen, before = self._seen, self._handed_on
        return seen is not None and (before is None or seen.block.hash != before.block.hash)

    def is_quiet(self) -> bool:
        """Return whether states that have not changed want to be confirmed."""
        seen, before = self._seen, self._handed_on
        if seen is None or before is None:
            return False
        waited_ms = (seen.seen_at_ns - before.seen_at_ns) / NS_PER_MS
        return waited_ms * _CONFIRMED_AFTER >= self._rules.max_age_ms

    def markets(self, *, refused: Counter[str] | None = None) -> Iterator[PoolState]:
        """Yield every V2 pool as a market; one that holds nothing is left out and counted."""
        seen, states = self._seen, self._tracker.states
        if seen is None:
            return
        self._handed_on = seen
        for pool in self._watched.v2:
            state = states[pool.address.lower()]
            assert isinstance(state, Reserves)
            try:
                yield market_of(pool, state, seen, seq=next(self._seq))
            except BadMarketData as bad:
                if refused is not None:
                    refused[bad.reason] += 1

    def v3_states(self) -> tuple[V3State, ...]:
        """Return every V3 pool."""
        if self._seen is None:
            return ()
        states = self._tracker.states
        curves = {pool: states[pool.address.lower()] for pool in self._watched.v3}
        return tuple(V3State(pool, curve, *self._seen) for pool, curve in curves.items() if isinstance(curve, Curve))
