"""Every venue under load on one port: a path each, one pace for all, and counts of what was sent."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from domain.errors import BadInput
from simulator.accounts import ALPACA_DATA, alpaca_account
from simulator.alpaca.trading import asset_body as alpaca_asset_body
from simulator.instruments import ALPACA, KRAKEN, VENUES, Instrument
from simulator.kraken.rest import asset_body, asset_pair_body
from simulator.kraken.symbols import asset_id, names_of
from simulator.listening import Listeners
from simulator.load.cycles import cycles_of, load_pairs
from simulator.load.frames import FRAMES
from simulator.load.sessions import Session, Venue

TICK_S = 0.01
CONTROL = "/load"
STREAM_PATHS = {KRAKEN: "/v2", ALPACA: "/v1beta3/crypto/us"}


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """How many venues and books, and how many updates a second in all. Raises: BadInput."""

    venues: int = 20
    books: int = 100
    per_s: float = 2_000.0
    seed: int = 1
    port: int = 0

    def __post_init__(self) -> None:
        if not (2 <= self.venues <= 200 and 1 <= self.books <= 1_000):
            raise BadInput(f"{self.venues} venues of {self.books} books: there are 2 to 200 venues of 1 to 1000 books")
        if not 0 <= self.per_s <= 1_000_000:
            raise BadInput(f"{self.per_s:g} updates a second is not between 0 and 1,000,000")


class Pace:
    """How many updates are due: a rate, and for a while a higher one."""

    def __init__(self, per_s: float, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._clock = clock
        self._burst_per_s = 0.0
        self._burst_until_s = 0.0
        self._counted_s = clock()
        self._owed = 0.0

    def set(self, per_s: float) -> None:
        """Go on at another rate from now."""
        self._count()
        self._per_s = per_s

    def burst(self, per_s: float, for_s: float) -> None:
        """Go at a higher rate for a while."""
        self._count()
        self._burst_per_s, self._burst_until_s = per_s, self._clock() + for_s

    def due(self) -> int:
        """Return how many updates have come due since the last call."""
        self._count()
        count = int(self._owed)
        self._owed -= count
        return count

    def _count(self) -> None:
        now_s = self._clock()
        bursting_s = max(0.0, min(now_s, self._burst_until_s) - self._counted_s)
        self._owed += bursting_s * self._burst_per_s + (now_s - self._counted_s - bursting_s) * self._per_s
        self._counted_s = now_s

    @property
    def is_bursting(self) -> bool:
        """Whether the higher rate is on."""
        return self._clock() < self._burst_until_s


class LoadDouble:
    """The running venues."""

    def __init__(self, config: LoadConfig) -> None:
        self._config = config
        self._instruments = load_pairs(config.books)
        self.venues = tuple(_venues(config, self._instruments))
        self.pace = Pace(config.per_s, time.monotonic)
        self._listeners = Listeners()
        self._driving: asyncio.Task[None] | None = None
        self.base = ""

    async def start(self) -> None:
        """Open the port and begin. Raises: BadInput if the port is taken."""
        self.base = await self._listeners.open(self._app(), self._config.port)
        self._driving = asyncio.create_task(self._drive())

    async def stop(self) -> None:
        """End every connection and close the port."""
        if self._driving is not None:
            self._driving.cancel()
            with suppress(asyncio.CancelledError):
                await self._driving
        await self._listeners.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def variables(self) -> dict[str, str]:
        """Return the variables that send a process to these venues, with keys that they know."""
        kraken, alpaca = (self._addresses(self._named(name)) for name in VENUES)
        more = [venue for venue in self.venues if venue.name not in VENUES]
        return {
            "ARB_KRAKEN_REST_URL": kraken[0],
            "ARB_KRAKEN_WS_URL": kraken[1],
            "ARB_ALPACA_TRADING_URL": alpaca[0],
            "ARB_ALPACA_DATA_URL": alpaca[1],
            "ARB_ALPACA_STREAM_URL": alpaca[2],
            "ARB_MORE_VENUES": " ".join(f"{one.name}={one.adapter}@{','.join(self._addresses(one))}" for one in more),
            "ARB_PAIRS": ",".join(instrument.pair.symbol for instrument in self._instruments),
            "ALPACA_DATA_API_KEY": ALPACA_DATA.key,
            "ALPACA_DATA_API_SECRET": ALPACA_DATA.secret,
        }

    def announcement(self) -> dict[str, object]:
        """Return where the venues answer, as variables, and where the pace is set."""
        return {"control": self.control_url, "variables": self.variables()}

    @property
    def control_url(self) -> str:
        """Return where counts are read and the pace is set."""
        return f"http://{self.base}{CONTROL}"

    def counts(self) -> dict[str, object]:
        """Return what was sent, by venue and in all, and what it cost."""
        by_venue = {venue.name: venue.sent.wholes + venue.sent.updates for venue in self.venues}
        return {
            "sent": sum(by_venue.values()),
            "wholes": sum(venue.sent.wholes for venue in self.venues),
            "updates": sum(venue.sent.updates for venue in self.venues),
            "by_venue": by_venue,
            "sessions": sum(session.is_following for venue in self.venues for session in venue.sessions),
            "is_bursting": self.pace.is_bursting,
            "cpu_s": round(time.process_time(), 3),
        }

    async def _drive(self) -> None:
        """Send what is due, a tick at a time."""
        turn = 0
        while True:
            await asyncio.sleep(TICK_S)
            due = self.pace.due()
            following = [one for venue in self.venues for one in venue.sessions if one.is_following]
            if due and following:
                turn = _share(due, following, turn)

    def _app(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.get(CONTROL, self._show), web.post(CONTROL, self._set)])
        for venue in self.venues:
            app.router.add_get(f"/{venue.name}{STREAM_PATHS[venue.adapter]}", venue.serve)
            for path, body in self._rest(venue.adapter).items():
                app.router.add_get(f"/{venue.name}{path}", _fixed(body))
        return app

    def _rest(self, adapter: str) -> Mapping[str, object]:
        """Return what each REST path answers: what the venue lists."""
        if adapter == ALPACA:
            return {"/v2/assets": [alpaca_asset_body(instrument) for instrument in self._instruments]}
        names = [(names_of(instrument.pair), instrument) for instrument in self._instruments]
        symbols = {
            one.symbol for instrument in self._instruments for one in (instrument.pair.base, instrument.pair.quote)
        }
        pairs = {name.rest_id: asset_pair_body(name, instrument) for name, instrument in names}
        assets = {asset_id(symbol): asset_body(symbol) for symbol in sorted(symbols)}
        return {
            "/0/public/AssetPairs": {"error": [], "result": pairs},
            "/0/public/Assets": {"error": [], "result": assets},
        }

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response(self.counts())

    async def _set(self, request: web.Request) -> web.Response:
        try:
            self._take(json.loads(await request.text()))
        except (ValueError, KeyError, TypeError) as wrong:
            return web.json_response({"error": f"write per_s, or burst_per_s and for_s: {wrong}"}, status=400)
        return web.json_response(self.counts())

    def _take(self, given: Mapping[str, float]) -> None:
        if "burst_per_s" in given:
            self.pace.burst(float(given["burst_per_s"]), float(given["for_s"]))
        else:
            self.pace.set(float(given["per_s"]))

    def _addresses(self, venue: Venue) -> tuple[str, ...]:
        rest, socket = f"http://{self.base}/{venue.name}", f"ws://{self.base}/{venue.name}{STREAM_PATHS[venue.adapter]}"
        return (rest, socket) if venue.adapter == KRAKEN else (rest, rest, socket)

    def _named(self, name: str) -> Venue:
        return next(venue for venue in self.venues if venue.name == name)


def run_load(config: LoadConfig, *, announce: Callable[[LoadDouble], None]) -> None:
    """Serve until interrupted, and ``announce`` the venues once they answer."""

    async def until_interrupted() -> None:
        async with LoadDouble(config) as double:
            announce(double)
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(until_interrupted())


def _venues(config: LoadConfig, instruments: tuple[Instrument, ...]) -> Iterator[Venue]:
    """Yield the venues, every other one an Alpaca; those of one exchange show the same books."""
    books = {
        adapter: {
            cycle.instrument.pair.symbol: FRAMES[adapter].frames(cycle)
            for cycle in cycles_of(adapter, instruments, seed=config.seed)
        }
        for adapter in VENUES
    }
    for number in range(config.venues):
        adapter = VENUES[number % len(VENUES)]
        name = adapter if number < len(VENUES) else f"{adapter[0]}{number // len(VENUES) + 1}"
        yield Venue(name, adapter, books[adapter], alpaca_account(), stamp=FRAMES[adapter].stamp)


def _share(due: int, following: Sequence[Session], turn: int) -> int:
    """Send ``due`` updates as evenly as goes, beginning with the client whose turn it is; return whose is next."""
    each, rest = divmod(due, len(following))
    for place in range(len(following)):
        if count := each + (place < rest):
            following[(turn + place) % len(following)].update(count)
    return (turn + rest) % len(following)


def _fixed(body: object) -> Callable[[web.Request], Awaitable[web.Response]]:
    text = json.dumps(body)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="application/json")

    return answer
