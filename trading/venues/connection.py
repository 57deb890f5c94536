"""One WebSocket kept open: connect, talk, notice silence, back off, connect again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import Protocol, TypeAlias, runtime_checkable

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from domain.errors import Refused, Unreachable
from domain.market import Clock
from domain.timestamps import NS_PER_S
from trading.venues.health import FeedHealth

log = structlog.get_logger(__name__)

Frame: TypeAlias = str | bytes

FRAMES_AT_A_TIME = 16
LOOKS = 8  # at a connection's silence before it is given up
LOOKS_BEFORE_ASKING = 2
PING_EVERY_S = 5.0
CLOSE_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """Where to connect and how long to wait for what."""

    url: str
    open_timeout_s: float = 10.0
    silence_s: float = 10.0
    book_silence_s: float = 60.0  # messages come but no sound book among them
    ask_after_s: float | None = None  # of silence we say something that is answered; half of silence_s if None
    confirms_quiet: bool = True  # not where each state that shall be handed on is sent, as by a relay
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    largest_frame: int = 1 << 20
    headers: Mapping[str, str] = field(default_factory=dict)


def asked_in_time(settings: SocketSettings, *, max_age_ms: int) -> SocketSettings:
    """Return the settings by which a silent venue is asked before the quiet books that it proves are too old."""
    return replace(settings, ask_after_s=min(settings.silence_s / 2, max_age_ms / 1000 / 3))


class Conversation(Protocol):
    """What we say on one connection; it holds whatever the connection has told so far."""

    def opening(self) -> Sequence[Frame]:
        """Return what we say first."""

    def answer(self, frame: Frame) -> Sequence[Frame]:
        """Take a message and return what we say to it. Raises: Refused, Unreachable to end the connection."""

    def when_quiet(self) -> Sequence[Frame]:
        """Return what we say to hear whether anybody is there."""


@runtime_checkable
class BookConversation(Conversation, Protocol):
    """A conversation about books, of which the quiet ones are confirmed for as long as the connection lives."""

    def confirm(self, heard_at_ns: int) -> Sequence[Frame]:
        """Take it that every message up to the latest, of ``heard_at_ns``, was answered; return what we say to it."""


class Backoff:
    """Waits that double up to a limit, each drawn from its upper half so that clients do not return together."""

    def __init__(self, rng: Random, *, first_s: float, longest_s: float) -> None:
        self._rng = rng
        self._first_s = first_s
        self._longest_s = longest_s
        self._failures = 0

    def reset(self) -> None:
        """Begin again with the first wait."""
        self._failures = 0

    def next_s(self) -> float:
        """Return how long to wait now."""
        wait_s = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return wait_s * (0.5 + self._rng.random() / 2)


async def keep_talking(
    settings: SocketSettings, begin: Callable[[], Conversation], *, health: FeedHealth, clock: Clock, rng: Random
) -> None:
    """Hold a conversation for ever, a new one on each connection.

    Raises: Refused if the venue will not serve us as configured.
    """
    backoff = Backoff(rng, first_s=settings.first_wait_s, longest_s=settings.longest_wait_s)
    while True:
        books_before = health.books
        reason = await _talk_once(settings, begin(), health=health, clock=clock)
        health.disconnected(reason)
        if health.books > books_before:
            backoff.reset()
        wait_s = backoff.next_s()
        log.warning("feed_disconnected", venue=health.venue, reason=reason, wait_s=round(wait_s, 3))
        await asyncio.sleep(wait_s)


async def _talk_once(settings: SocketSettings, talk: Conversation, *, health: FeedHealth, clock: Clock) -> str:
    """Return why the connection ended."""
    try:
        async with _open(settings) as socket:
            health.connected(clock.now_ns())
            async with _watched(socket, talk, health=health, settings=settings) as watch:
                await _say(socket, talk.opening())
                await _listen(socket, talk, watch, health=health, clock=clock)
    except (OSError, WebSocketException, Unreachable) as error:
        return _reason_of(error)
    except Refused:
        health.disconnected("refused")
        raise
    return "closed"


@asynccontextmanager
async def _open(settings: SocketSettings) -> AsyncIterator[ClientConnection]:
    socket = await connect(
        settings.url,
        additional_headers=dict(settings.headers),
        open_timeout=settings.open_timeout_s,
        close_timeout=CLOSE_WITHIN_S,
        max_size=settings.largest_frame,
        compression=None,
        proxy=None,
        ping_interval=None,  # silence is watched here, by what the venue says rather than by what its proxy answers
    )
    try:
        yield socket
    finally:
        await _close(socket)


async def _close(socket: ClientConnection) -> None:
    """Take our leave; of a venue that takes in nothing more without a word, for which the library would wait."""
    try:
        async with asyncio.timeout(2 * CLOSE_WITHIN_S):
            await socket.close()
    except TimeoutError:
        socket.transport.abort()


class _Watch:
    """Notices silence on one connection: asks at half time, gives up at the end.

    Time is counted in looks, and a socket that waits for us to read on is not silent: while this process itself is
    behind, nobody is cut off for it.
    """

    def __init__(
        self, socket: ClientConnection, talk: Conversation, settings: SocketSettings, health: FeedHealth
    ) -> None:
        self._socket = socket
        self._talk = talk
        self._settings = settings
        self._health = health
        self._has_asked = False
        self._books = health.books
        self._quiet_s = self._bookless_s = self._unpinged_s = 0.0
        self._ask_after_s = settings.silence_s / 2 if settings.ask_after_s is None else settings.ask_after_s
        self.has_heard = False
        self.has_caught_up = False
        self.verdict: str | None = None

    async def run(self) -> None:
        look_s = min(self._settings.silence_s / LOOKS, self._ask_after_s / LOOKS_BEFORE_ASKING)
        try:
            while self.verdict is None:
                await asyncio.sleep(look_s)
                self.verdict = self._judge(look_s)
                await self._ask_if_quiet()
                await self._confirm()
                await self._measure(look_s)
        except Exception:
            self._socket.transport.abort()  # or the connection would go on with nobody to notice its silence
            raise
        self._socket.transport.abort()

    async def _confirm(self) -> None:
        """Confirm what is quiet, unless we are behind: then a change may be among what we have yet to read."""
        heard_at_ns = self._health.heard_at_ns
        if self.verdict or not self._settings.confirms_quiet or not self.has_caught_up or heard_at_ns is None:
            return
        if isinstance(self._talk, BookConversation):
            await _say(self._socket, self._talk.confirm(heard_at_ns))

    async def _measure(self, look_s: float) -> None:
        """Ask now and then how long the way there and back takes; a pong proves nothing of the venue's books."""
        self._unpinged_s -= look_s
        if self._unpinged_s <= 0:
            self._unpinged_s = PING_EVERY_S
            asyncio.ensure_future(await self._socket.ping()).add_done_callback(self._note_pong)

    def _note_pong(self, pong: "asyncio.Future[float]") -> None:
        if not pong.cancelled() and pong.exception() is None:
            self._health.answered(int(pong.result() * NS_PER_S))

    def _judge(self, look_s: float) -> str | None:
        is_behind = not self._socket.transport.is_reading()
        self._quiet_s = 0.0 if self.has_heard or is_behind else self._quiet_s + look_s
        self._bookless_s = 0.0 if self._health.books != self._books or is_behind else self._bookless_s + look_s
        self._books, self.has_heard = self._health.books, False
        if self._quiet_s >= self._settings.silence_s:
            return "silent"
        return "no_books" if self._bookless_s >= self._settings.book_silence_s else None

    async def _ask_if_quiet(self) -> None:
        is_quiet = self._quiet_s >= self._ask_after_s
        if is_quiet and not self._has_asked and self.verdict is None:
            await _say(self._socket, self._talk.when_quiet())
        self._has_asked = is_quiet


@asynccontextmanager
async def _watched(
    socket: ClientConnection, talk: Conversation, *, health: FeedHealth, settings: SocketSettings
) -> AsyncIterator[_Watch]:
    watch = _Watch(socket, talk, settings, health)
    task = asyncio.create_task(watch.run(), name=f"{health.venue}-silence")
    try:
        try:
            yield watch
        finally:
            task.cancel()
            await asyncio.wait([task])
    except ConnectionClosed as error:  # of a cancellation nothing is made: whoever ends us must see it
        _raise_own_fault(task)
        if watch.verdict:
            raise Unreachable(watch.verdict) from error
        raise


def _raise_own_fault(task: "asyncio.Task[None]") -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, ConnectionClosed):  # a closed socket the listener meets as well
        raise error


async def _listen(
    socket: ClientConnection, talk: Conversation, watch: _Watch, *, health: FeedHealth, clock: Clock
) -> None:
    for number in count(1):
        watch.has_caught_up = True
        frame = await socket.recv()
        watch.has_heard, watch.has_caught_up = True, False
        health.heard(clock.now_ns())
        said = talk.answer(frame)
        if said:
            await _say(socket, said)
        if number % FRAMES_AT_A_TIME == 0:
            await asyncio.sleep(0)  # frames that wait are handed out without a pause: let others have their turn


async def _say(socket: ClientConnection, frames: Sequence[Frame]) -> None:
    for frame in frames:
        await socket.send(frame)


def _reason_of(error: Exception) -> str:
    if isinstance(error, InvalidStatus):
        return f"http_{error.response.status_code}"
    if isinstance(error, ConnectionClosed):
        return f"closed_{error.rcvd.code}" if error.rcvd else "cut_off"
    if isinstance(error, Unreachable):
        return str(error)
    if isinstance(error, TimeoutError):
        return "connect_timeout"
    return "handshake" if isinstance(error, WebSocketException) else "no_connection"
