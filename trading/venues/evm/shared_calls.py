"""Answers that stay true for a block: asked once, by whichever process comes first."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import msgspec
import redis.asyncio

from domain.errors import Unreachable
from trading.venues.evm.jsonrpc import Call, Reverted
from trading.venues.shared_store import SharedStore

Ask: TypeAlias = Callable[[], Awaitable[list[Any]]]

ASKING_S = 2.0  # how long a process has the question to itself
PATIENCE_S = 0.4  # how long the others wait for its answer before they ask on their own
LOOK_EVERY_S = 0.01
KEPT_S = 60.0
KEPT_HERE = 256
LARGEST_SHARED = 1 << 20

# The answer if it is there, else whether the question is ours from now on: in one step, or two would find it free.
_LOOK = """
local told = redis.call('GET', KEYS[1])
if told then return {told, 0} end
return {false, redis.call('SET', KEYS[2], 1, 'NX', 'PX', ARGV[1]) and 1 or 0}
"""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[tuple[str, Any]])


class SharedCalls:
    """Remembers answers within the process and, through Redis, over all of them."""

    def __init__(self, redis: "redis.asyncio.Redis | None", *, chain: str) -> None:
        self.hits = 0
        self._store = SharedStore(redis, purpose=f"shared answers of {chain}")
        self._here: OrderedDict[str, tuple[float, list[Any]]] = OrderedDict()
        self._flights: dict[str, asyncio.Task[list[Any]]] = {}

    @property
    def is_shared(self) -> bool:
        """Whether other processes see our answers, and we theirs, at present."""
        return self._store.is_there

    async def answers(self, key: str, ask: Ask, *, is_kept: Callable[[list[Any]], bool]) -> list[Any]:
        """Return the answers known under ``key``, else what ``ask`` gives; only what ``is_kept`` is remembered.

        Raises as ``ask`` does.
        """
        kept = self._kept_here(key)
        if kept is not None:
            self.hits += 1
            return kept
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._fetch(key, ask, is_kept))
            self._flights[key] = flight
            flight.add_done_callback(partial(self._landed, key))
        else:
            self.hits += 1
        return await asyncio.shield(flight)

    async def close(self) -> None:
        """End the questions that are under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _landed(self, key: str, flight: "asyncio.Task[list[Any]]") -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # its askers may all have left: nobody else looks at it

    def _kept_here(self, key: str) -> list[Any] | None:
        until_s, answers = self._here.get(key, (0.0, None))
        return answers if time.monotonic() < until_s else None

    async def _fetch(self, key: str, ask: Ask, is_kept: Callable[[list[Any]], bool]) -> list[Any]:
        try:
            told, is_ours = await self._told_or_ours(key)
        except Unreachable:
            told, is_ours = None, False
        if told is not None and is_kept(told):
            self.hits += 1
            self._keep_here(key, told)
            return told
        try:
            answers = await ask()
        except BaseException:
            await self._give_up(key, is_ours=is_ours)
            raise
        if is_kept(answers):
            self._keep_here(key, answers)
            await self._tell(key, answers)
        else:
            await self._give_up(key, is_ours=is_ours)
        return answers

    def _keep_here(self, key: str, answers: list[Any]) -> None:
        self._here[key] = (time.monotonic() + KEPT_S, answers)
        self._here.move_to_end(key)
        while len(self._here) > KEPT_HERE:
            self._here.popitem(last=False)

    async def _told_or_ours(self, key: str) -> tuple[list[Any] | None, bool]:
        """Return another process's answers, or that the question is ours to ask. Raises: Unreachable."""
        ends_at_s = time.monotonic() + PATIENCE_S
        while True:
            raw, is_ours = await self._store.ask(lambda client: _look(client, key))
            if raw is not None:
                return _decode(raw), False
            if is_ours or time.monotonic() >= ends_at_s:
                return None, bool(is_ours)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _tell(self, key: str, answers: list[Any]) -> None:
        text = _encode(answers)
        if len(text) > LARGEST_SHARED:
            return
        try:
            await self._store.ask(lambda client: _write(client, key, text))
        except Unreachable:
            return  # said by the store; the answer itself is here

    async def _give_up(self, key: str, *, is_ours: bool) -> None:
        if not is_ours:
            return
        try:
            await self._store.ask(lambda client: client.delete(_asking(key)))
        except Unreachable:
            return  # it expires by itself


def key_of(chain_id: int, calls: Sequence[Call]) -> str:
    """Return the Redis key of these questions; pinned ones hold their block's hash."""
    return f"arb:rpc:{chain_id}:{hashlib.sha256(_encoder.encode(list(calls))).hexdigest()}"


def _asking(key: str) -> str:
    return f"{key}:asking"


async def _look(client: "redis.asyncio.Redis", key: str) -> Any:
    return await client.register_script(_LOOK)(keys=[key, _asking(key)], args=[int(ASKING_S * 1000)])


async def _write(client: "redis.asyncio.Redis", key: str, text: bytes) -> None:
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.set(key, text, px=int(KEPT_S * 1000))
        pipeline.delete(_asking(key))
        await pipeline.execute()


def _encode(answers: list[Any]) -> bytes:
    return _encoder.encode(
        [("reverted", [str(one), one.data]) if isinstance(one, Reverted) else ("result", one) for one in answers]
    )


def _decode(raw: Any) -> list[Any] | None:
    """Return the answers that another process wrote, None where they cannot be read."""
    try:
        return [Reverted(*value) if kind == "reverted" else value for kind, value in _decoder.decode(raw)]
    except (msgspec.MsgspecError, RecursionError, TypeError):
        return None
