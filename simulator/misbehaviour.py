"""REST answers as the fault script spoils them, and the endpoint that sets the script at run time."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from aiohttp import web
from aiohttp.typedefs import Middleware

from domain.errors import BadInput
from simulator.faults import Channel, Fault, FaultBoard, FaultKind, parse_fault
from simulator.outbound import HTML_PAGE, wait_out_stall

FAULTS_PATH = "/faults"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Refusal = Callable[[], web.Response]


def misbehave(board: FaultBoard, *, venue: str, too_many: Refusal) -> Middleware:
    """Return the middleware that lets the faults of ``venue`` be felt; ``too_many`` is how it says 429."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == FAULTS_PATH:
            return await handler(request)
        channel = Channel.STREAM if "Upgrade" in request.headers else Channel.REST
        early = await _before(request, board, venue, channel, too_many)
        if early is not None:
            return early
        response = await handler(request)
        return _after(response, board, venue) if channel is Channel.REST else response

    return middleware


async def _before(
    request: web.Request, board: FaultBoard, venue: str, channel: Channel, too_many: Refusal
) -> web.Response | None:
    await wait_out_stall(board, venue, channel)
    latency = board.strike(FaultKind.LATENCY, venue=venue, channel=channel)
    if latency:
        await asyncio.sleep(latency.value / 1000)
    if board.strike(FaultKind.DISCONNECT, venue=venue, channel=channel):
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)  # never arrives: the connection is gone
    if board.strike(FaultKind.RATE_LIMIT, venue=venue, channel=channel):
        return too_many()
    broken = board.strike(FaultKind.SERVER_ERROR, venue=venue, channel=channel)
    return web.Response(status=int(broken.value), text=HTML_PAGE, content_type="text/html") if broken else None


def _after(response: web.StreamResponse, board: FaultBoard, venue: str) -> web.StreamResponse:
    if board.strike(FaultKind.HTML, venue=venue, channel=Channel.REST):
        return web.Response(text=HTML_PAGE, content_type="text/html")
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if board.strike(FaultKind.TRUNCATED, venue=venue, channel=Channel.REST):
        return web.Response(body=response.body[: len(response.body) // 2], content_type="application/json")
    return response


def add_fault_routes(app: web.Application, board: FaultBoard) -> None:
    """Let ``/faults`` be read, added to (times count from now) and cleared."""

    async def show(_: web.Request) -> web.Response:
        return web.json_response({"faults": [asdict(fault) for fault in board.script()], "felt": board.felt()})

    async def add(request: web.Request) -> web.Response:
        try:
            faults = [board.add(fault) for fault in _parse(await request.text())]
        except BadInput as refused:
            return web.json_response({"error": str(refused)}, status=400)
        return web.json_response({"added": [asdict(fault) for fault in faults]})

    async def clear(_: web.Request) -> web.Response:
        board.clear()
        return web.json_response({"cleared": True})

    app.add_routes([web.get(FAULTS_PATH, show), web.post(FAULTS_PATH, add), web.delete(FAULTS_PATH, clear)])


def _parse(body: str) -> list[Fault]:
    try:
        given = json.loads(body)
    except ValueError as wrong:
        raise BadInput(f"faults are not JSON: {wrong}") from None
    lines = given if isinstance(given, list) else [given]
    if not all(isinstance(line, dict) for line in lines):
        raise BadInput("faults are one JSON object or a list of them")
    return [parse_fault(line) for line in lines]
