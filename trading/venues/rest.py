"""Public REST reads, asynchronous: bytes come back or the error tree says why not."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

from domain.errors import Refused, Unreachable
from trading.venues.request_counts import counted

LARGEST_BODY = 16 << 20
FAULTS_OF_THE_QUESTION = frozenset({400, 404, 422})


class BadQuestion(Refused):
    """Refused for what was asked, whoever asks: one of the things named is not there."""


class RestClient:
    """Reads from one venue over kept connections."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._server = urlsplit(base_url).netloc.rpartition("@")[2]

    async def read(self, path: str, params: Mapping[str, str]) -> bytes:
        """Return the body of a 200 answer. Raises: Refused for 4xx (BadQuestion is one), Unreachable for all else."""
        try:
            with counted(self._server):
                return await self._body(path, params)
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Unreachable(f"{self._base_url}: {_named(error)}") from error

    async def _body(self, path: str, params: Mapping[str, str]) -> bytes:
        async with self._session.get(self._base_url + path, params=dict(params), allow_redirects=False) as answer:
            body = await _whole_body(answer, path)
            _check_status(answer.status, path, body)
            return body


@asynccontextmanager
async def rest_client(base_url: str, *, timeout_s: float, headers: Mapping[str, str]) -> AsyncIterator[RestClient]:
    """Open a client for the time of the block."""
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(timeout=timeout, headers=dict(headers), auto_decompress=True) as session:
        yield RestClient(session, base_url)


async def _whole_body(answer: aiohttp.ClientResponse, path: str) -> bytes:
    """Return the body to its end, in however many pieces it comes."""
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > LARGEST_BODY:
            raise Unreachable(f"{path}: an answer of more than {LARGEST_BODY >> 20} MB")
    return bytes(body)


def _named(error: Exception) -> str:
    """Return what went wrong on the way in a few words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "name not found"
    return "no connection" if isinstance(error, aiohttp.ClientConnectorError) else "cut off"


def _check_status(status: int, path: str, body: bytes) -> None:
    if status == 200:
        return
    if 400 <= status < 500 and status not in (408, 425, 429):
        kind = BadQuestion if status in FAULTS_OF_THE_QUESTION else Refused
        raise kind(f"{path}: HTTP {status} {body[:120].decode(errors='replace')}")
    raise Unreachable(f"{path}: HTTP {status}")
