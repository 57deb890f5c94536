"""One client's WebSocket as the venue writes it: a bounded queue, one writer, and the faults of the stream."""

import asyncio
import time
from contextlib import suppress

from aiohttp import web

from simulator.faults import Channel, Fault, FaultBoard, FaultKind

QUEUE_FRAMES = 4_000
HTML_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
DRAIN_S = 1.0


class Outbound:
    """Frames on their way to one client, in order, at the pace that the faults allow."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, *, venue: str, board: FaultBoard) -> None:
        self._socket = socket
        self._transport = request.transport
        self._venue = venue
        self._board = board
        self._frames: asyncio.Queue[tuple[float, str | bytes]] = asyncio.Queue(QUEUE_FRAMES)
        self._writer = asyncio.create_task(self._write())

    def send(self, frame: str | bytes) -> None:
        """Queue ``frame``; a client that lets the queue fill is cut off, as venues do."""
        fault = self._strike(FaultKind.LATENCY)
        due_at = time.monotonic() + (fault.value / 1000 if fault else 0.0)
        try:
            self._frames.put_nowait((due_at, self._spoilt(frame)))
        except asyncio.QueueFull:
            self.cut()

    def cut(self) -> None:
        """Drop the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Stop writing."""
        self._writer.cancel()
        with suppress(asyncio.CancelledError):
            await self._writer

    async def drain(self) -> None:
        """Wait until every frame queued so far is written, for a moment at most: the client may be gone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._frames.join()

    async def _write(self) -> None:
        while not self._socket.closed:
            due_at, frame = await self._frames.get()
            await asyncio.sleep(max(0.0, due_at - time.monotonic()))
            await wait_out_stall(self._board, self._venue, Channel.STREAM)
            with suppress(ConnectionError):  # the reader of this socket sees the same end and cleans up
                await (self._socket.send_str(frame) if isinstance(frame, str) else self._socket.send_bytes(frame))
            self._frames.task_done()

    def _spoilt(self, frame: str | bytes) -> str | bytes:
        if self._strike(FaultKind.HTML):
            return HTML_PAGE if isinstance(frame, str) else HTML_PAGE.encode()
        if self._strike(FaultKind.TRUNCATED):
            return frame[: len(frame) // 2]
        return frame

    def _strike(self, kind: FaultKind) -> Fault | None:
        return self._board.strike(kind, venue=self._venue, channel=Channel.STREAM)


async def wait_out_stall(board: FaultBoard, venue: str, channel: Channel) -> None:
    """Return when no stall is on."""
    fault = board.strike(FaultKind.STALL, venue=venue, channel=channel)
    if fault is not None:
        await board.is_over(fault)
