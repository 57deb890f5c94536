"""A JSON-RPC node that misbehaves on command, before a chain of its own or a real one."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web

from simulator.chain.toy_chain import Backend, RpcError
from simulator.listening import Listeners
from simulator.outbound import HTML_PAGE

HANG_S = 3600.0  # or until the node stops


class Trouble(StrEnum):
    """What is wrong with the node; ``value`` is in the unit named here."""

    HANG = "hang"  # the question is taken and never answered
    SLOW = "slow"  # answers come `value` s late
    CUT_OFF = "cut_off"  # the connection ends without an answer
    STATUS = "status"  # HTTP status `value`
    TOO_MANY = "too_many"  # 429, to come back in `value` s
    HTML = "html"  # a page with status 200
    TRUNCATED = "truncated"  # half of the answer
    EMPTY = "empty"  # no byte at all
    WRONG_ID = "wrong_id"  # answers to questions that nobody asked
    ERROR = "error"  # error bodies with code `value`
    NULL = "null"  # null for every result
    NO_BATCHES = "no_batches"  # several questions at once are refused
    BEHIND = "behind"  # the newest `value` blocks are not known
    OTHER_CHAIN = "other_chain"  # says that its chain is `value`


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """One trouble, of some methods or (none named) of all."""

    kind: Trouble
    value: float = 0.0
    methods: frozenset[str] = frozenset()

    def is_felt(self, asked: Sequence[str]) -> bool:
        """Return whether a request of these methods feels it."""
        return not self.methods or bool(self.methods.intersection(asked))


class Upstream:
    """A real node as what a faulty one knows."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self._numbers = count(1)

    async def answer(self, method: str, params: list[Any]) -> Any:
        """Return the result of one call. Raises: RpcError."""
        question = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}
        async with self._session.post(self._url, json=question) as response:
            reply = await response.json()
        if error := reply.get("error"):
            raise RpcError(error["code"], error["message"], error.get("data"))
        return reply["result"]


class FaultyNode:
    """Serves JSON-RPC on loopback; ``troubles`` may be set at any time, ``asked`` counts by method."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.troubles: tuple[Misbehaviour, ...] = ()
        self.asked: Counter[str] = Counter()
        self.url = ""
        self._listeners = Listeners()
        self._stopping = asyncio.Event()

    def suffer(self, kind: Trouble, value: float = 0.0, *, methods: Sequence[str] = ()) -> None:
        """Let ``kind`` be felt from now on, instead of whatever was."""
        self.troubles = (Misbehaviour(kind, value, frozenset(methods)),)

    def recover(self) -> None:
        """Let every trouble end."""
        self.troubles = ()

    async def start(self) -> None:
        """Listen; after ``stop`` on the same port again."""
        self._stopping.clear()
        port = int(self.url.rsplit(":", 1)[1]) if self.url else 0
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/{key:.*}", self._serve)
        self.url = f"http://{await self._listeners.open(app, port)}"

    async def stop(self) -> None:
        """Close the port and every connection."""
        self._stopping.set()
        await self._listeners.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        given = json.loads(await request.read())
        questions = given if isinstance(given, list) else [given]
        methods = [question["method"] for question in questions]
        self.asked.update(methods)
        felt = {trouble.kind: trouble.value for trouble in self.troubles if trouble.is_felt(methods)}
        early = await self._before(request, felt, is_batch=isinstance(given, list))
        if early is not None:
            return early
        replies = [await self._reply(question, felt) for question in questions]
        return _spoilt(json.dumps(replies if isinstance(given, list) else replies[0]).encode(), felt)

    async def _before(self, request: web.Request, felt: dict[Trouble, float], *, is_batch: bool) -> web.Response | None:
        if Trouble.HANG in felt or Trouble.SLOW in felt:
            with suppress(TimeoutError):
                async with asyncio.timeout(felt.get(Trouble.SLOW, HANG_S)):
                    await self._stopping.wait()
        if Trouble.CUT_OFF in felt and request.transport is not None:
            request.transport.abort()
            return web.Response(status=503)  # never arrives: the connection is gone
        if Trouble.STATUS in felt:
            return web.Response(status=int(felt[Trouble.STATUS]), text=HTML_PAGE, content_type="text/html")
        if Trouble.TOO_MANY in felt:
            return web.Response(status=429, headers={"Retry-After": f"{felt[Trouble.TOO_MANY]:.0f}"})
        if Trouble.NO_BATCHES in felt and is_batch:
            return web.json_response(_error(None, RpcError(-32600, "batch requests are not supported")))
        return None

    async def _reply(self, question: dict[str, Any], felt: dict[Trouble, float]) -> dict[str, Any]:
        number, method, params = question["id"], question["method"], list(question.get("params", []))
        is_meant = any(trouble.is_felt([method]) for trouble in self.troubles)
        number = number + 1_000_000 if Trouble.WRONG_ID in felt else number
        if Trouble.ERROR in felt and is_meant:
            return _error(number, RpcError(int(felt[Trouble.ERROR]), "internal error"))
        try:
            result = await self._result(method, params, felt)
        except RpcError as error:
            return _error(number, error)
        return {"jsonrpc": "2.0", "id": number, "result": None if Trouble.NULL in felt and is_meant else result}

    async def _result(self, method: str, params: list[Any], felt: dict[Trouble, float]) -> Any:
        if method == "eth_chainId" and Trouble.OTHER_CHAIN in felt:
            return hex(int(felt[Trouble.OTHER_CHAIN]))
        if Trouble.BEHIND in felt:
            return await _answer_behind(self.backend, method, params, blocks=int(felt[Trouble.BEHIND]))
        return await self.backend.answer(method, params)


@asynccontextmanager
async def faulty_node(backend: Backend | str) -> AsyncIterator[FaultyNode]:
    """Run a node before ``backend``, or before the real node of that address, for the time of the block."""
    async with aiohttp.ClientSession() as session:
        node = FaultyNode(Upstream(backend, session) if isinstance(backend, str) else backend)
        await node.start()
        try:
            yield node
        finally:
            await node.stop()


async def _answer_behind(backend: Backend, method: str, params: list[Any], *, blocks: int) -> Any:
    """Answer as a node does that has not heard of the newest ``blocks`` blocks."""
    known = int(await backend.answer("eth_blockNumber", []), 16) - blocks
    if method == "eth_blockNumber":
        return hex(known)
    for param in params:
        if isinstance(param, dict) and "blockHash" in param:
            header = await backend.answer("eth_getBlockByHash", [param["blockHash"], False])
            if header is None or int(header["number"], 16) > known:
                raise RpcError(-32000, "header not found")
    return await backend.answer(method, [hex(known) if param == "latest" else param for param in params])


def _spoilt(body: bytes, felt: dict[Trouble, float]) -> web.Response:
    if Trouble.HTML in felt:
        return web.Response(text=HTML_PAGE, content_type="text/html")
    if Trouble.EMPTY in felt:
        return web.Response(body=b"")
    if Trouble.TRUNCATED in felt:
        body = body[: len(body) // 2]
    return web.Response(body=body, content_type="application/json")


def _error(number: int | None, error: RpcError) -> dict[str, Any]:
    fields: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        fields["data"] = error.data
    return {"jsonrpc": "2.0", "id": number, "error": fields}
