"""One node of a chain: asked over kept connections, judged by what it really answers."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import structlog

from domain.secret import Secret
from trading.formats import spaced
from trading.venues.evm.jsonrpc import (
    REST_S,
    BatchRefused,
    Block,
    Call,
    NodeFault,
    block_of,
    decode,
    decode_one,
    encode,
    encode_one,
)
from trading.venues.evm.methods import is_sound
from trading.venues.evm.rpc_settings import RpcSettings
from trading.venues.request_counts import counted

log = structlog.get_logger(__name__)

T = TypeVar("T")
LARGEST_BODY = 32 << 20
EVERYTHING = "*"  # the methods of a node that nobody reaches

_CHAIN_ID = Call("eth_chainId")
_HEAD = Call("eth_getBlockByNumber", ("latest", False))
_NO_REST = frozenset({"lacks_block", "refused"})  # no fault of its working: another node is asked
_NO_BATCHES = frozenset({"http_400", "http_405", "http_413", "http_415", "http_422", "http_500"})


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """How one node is doing; ``name`` never holds a key. ``failed`` counts by reason, ``latency_ms`` is the median."""

    name: str
    is_fit: bool
    reason: str
    chain_id: int | None
    head_number: int | None
    lag_blocks: int | None
    latency_ms: float | None
    asked: int
    failed: dict[str, int]


@dataclass(slots=True)
class _Rest:
    """How often in a row a method failed, why, and until when others are asked first."""

    reason: str = ""
    failures: int = 0
    until_s: float = 0.0


class Endpoint:
    """A node under ``url``. Every exchange carries the chain's id along: an answer of another chain is never taken."""

    def __init__(
        self,
        url: Secret,
        session: aiohttp.ClientSession,
        *,
        settings: RpcSettings,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name_of(url)
        self.asked = 0
        self.failed: Counter[str] = Counter()
        self.chain_id: int | None = None
        self.head: Block | None = None
        self.head_at_s = 0.0
        self.barred_until_s = 0.0  # the node itself wants to be left alone
        self._url = url
        self._session = session
        self._settings = settings
        self._now_s = now_s
        self._numbers = count(1)
        self._takes_batches: bool | None = None
        self._rests: dict[str, _Rest] = {}
        self._latencies_ms: deque[float] = deque(maxlen=128)

    @property
    def is_of_another_chain(self) -> bool:
        """Whether the node said so the last time it was asked."""
        return self.chain_id is not None and self.chain_id != self._settings.chain_id

    @property
    def is_barred(self) -> bool:
        """Whether the node may not be asked at all for now."""
        return self._now_s() < self.barred_until_s

    def is_resting(self, methods: Sequence[str]) -> bool:
        """Return whether others are asked first for any of ``methods``."""
        now_s = self._now_s()
        return any(name in self._rests and now_s < self._rests[name].until_s for name in (EVERYTHING, *methods))

    async def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Return one sound result per call (or Reverted). Raises: NodeFault."""
        return await self._noted(calls, sorted({call.method for call in calls}), list)

    async def look(self) -> Block:
        """Return the node's head. Raises: NodeFault; the node then rests altogether."""
        head = await self._noted([_HEAD], [EVERYTHING], lambda results: block_of(results[0]))
        self.head, self.head_at_s = head, self._now_s()
        return head

    def note_failure(self, methods: Sequence[str], fault: NodeFault) -> None:
        """Count a failure; after it others are asked first for a while, longer each time."""
        self.failed[fault.reason] += 1
        if fault.reason in _NO_REST:
            return
        if fault.rest_s is not None:
            self.barred_until_s = max(
                self.barred_until_s, self._now_s() + min(fault.rest_s, self._settings.longest_rest_s)
            )
        for method in [EVERYTHING] if fault.reason == "no_connection" else methods:
            self._rest(method, fault)

    def status(self, *, best_number: int | None) -> EndpointStatus:
        """Return how the node is doing beside the best head known."""
        number = self.head.number if self.head else None
        lag = None if number is None or best_number is None else max(0, best_number - number)
        reason = self._reason(lag)
        return EndpointStatus(
            name=self.name,
            is_fit=not reason,
            reason=reason,
            chain_id=self.chain_id,
            head_number=number,
            lag_blocks=lag,
            latency_ms=round(median(self._latencies_ms), 2) if self._latencies_ms else None,
            asked=self.asked,
            failed=dict(self.failed),
        )

    def _reason(self, lag: int | None) -> str:
        if self.is_of_another_chain:
            return f"is on chain {self.chain_id}, not {self._settings.chain_id}"
        if lag is not None and lag > self._settings.max_lag_blocks:
            return f"is {lag} blocks behind"
        now_s = self._now_s()
        resting = [
            spaced(rest.reason) if name == EVERYTHING else f"{name}: {spaced(rest.reason)}"
            for name, rest in sorted(self._rests.items())
            if now_s < rest.until_s
        ]
        return ", ".join(resting)

    def _rest(self, method: str, fault: NodeFault) -> None:
        rest = self._rests.setdefault(method, _Rest())
        rest.failures += 1
        rest.reason = fault.reason
        rest_s = self._settings.first_rest_s * 2.0 ** min(rest.failures - 1, 20)
        rest.until_s = self._now_s() + min(self._settings.longest_rest_s, rest_s)
        if rest.failures == 1:
            log.warning("rpc_node_failed", node=self.name, method=method, reason=fault.reason)

    def _note_success(self, methods: Sequence[str]) -> None:
        for method in methods:
            if self._rests.pop(method, None):
                log.info("rpc_node_back", node=self.name, method=method)

    async def _noted(self, calls: Sequence[Call], methods: Sequence[str], read: Callable[[list[Any]], T]) -> T:
        """Ask, and note under ``methods`` how that went."""
        self.asked += 1
        began_s = self._now_s()
        try:
            answer = read(await self._guarded(calls))
        except NodeFault as fault:
            self.note_failure(methods, fault)
            raise
        self._latencies_ms.append((self._now_s() - began_s) * 1000)
        self._note_success(methods)
        return answer

    async def _guarded(self, calls: Sequence[Call]) -> list[Any]:
        guarded = (_CHAIN_ID, *calls)
        chain_id, *results = await self._exchange(guarded)
        if not is_sound(_CHAIN_ID, chain_id):
            raise NodeFault("wrong_shape", "of eth_chainId")
        self._note_chain(int(chain_id, 16))
        for call, result in zip(calls, results, strict=True):
            if not is_sound(call, result):
                raise NodeFault("null" if result is None else "wrong_shape", f"of {call.method}")
        return results

    def _note_chain(self, chain_id: int) -> None:
        has_changed, self.chain_id = chain_id != self.chain_id, chain_id
        if self.is_of_another_chain:
            if has_changed:
                log.warning("rpc_other_chain", node=self.name, chain_id=chain_id, wanted=self._settings.chain_id)
            raise NodeFault("other_chain", f"{chain_id}, not {self._settings.chain_id}")

    async def _exchange(self, calls: Sequence[Call]) -> list[Any]:
        if self._takes_batches is False:
            return await self._one_by_one(calls)
        first_id = next(self._numbers) * 10_000
        try:
            results = decode(await self._post(encode(calls, first_id=first_id)), calls, first_id=first_id)
        except NodeFault as fault:
            if self._takes_batches or not (isinstance(fault, BatchRefused) or fault.reason in _NO_BATCHES):
                raise
            return await self._without_batches(calls)
        self._takes_batches = True
        return results

    async def _without_batches(self, calls: Sequence[Call]) -> list[Any]:
        results = await self._one_by_one(calls)
        self._takes_batches = False
        log.info("rpc_node_takes_no_batches", node=self.name)
        return results

    async def _one_by_one(self, calls: Sequence[Call]) -> list[Any]:
        asked = [asyncio.ensure_future(self._ask_alone(call)) for call in calls]
        try:
            return await asyncio.gather(*asked)
        finally:
            for task in asked:
                task.cancel()

    async def _ask_alone(self, call: Call) -> Any:
        number = next(self._numbers)
        return decode_one(await self._post(encode_one(call, number=number)), call, number=number)

    async def _post(self, body: bytes) -> bytes:
        for _ in range(2):  # a kept connection may be one that the node has closed; reading twice is harmless
            try:
                with counted(self.name):
                    return await self._post_once(body)
            except aiohttp.ServerDisconnectedError:
                continue
        raise NodeFault("cut_off")

    async def _post_once(self, body: bytes) -> bytes:
        try:
            async with self._session.post(self._url.reveal(), data=body, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise _status_fault(answer)
                return await _whole(answer.content)
        except aiohttp.ServerDisconnectedError:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NodeFault(_named(error)) from None  # their texts may hold the address, and it a key


async def _whole(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > LARGEST_BODY:
            raise NodeFault("too_large")
    return bytes(body)


def name_of(url: Secret) -> str:
    """Return host and port of an address, which holds its key elsewhere."""
    parts = urlsplit(url.reveal())
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _status_fault(answer: aiohttp.ClientResponse) -> NodeFault:
    if answer.status == 429:
        after = answer.headers.get("Retry-After", "")
        return NodeFault("too_many", rest_s=float(after) if after.isascii() and after.isdigit() else REST_S)
    if answer.status in (401, 403):
        return NodeFault("no_access", rest_s=30.0)
    return NodeFault(f"http_{answer.status}")


def _named(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.InvalidURL):
        return "bad_address"
    return "no_connection" if isinstance(error, aiohttp.ClientConnectorError) else "cut_off"
