"""The venues of a recording on loopback: a double each, in the protocol of its adapter, showing what was recorded."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Self

from domain.errors import BadInput
from domain.market import Book, MarketKey, Pair
from domain.terms import Lot
from simulator.accounts import ALPACA_DATA, alpaca_account, kraken_account
from simulator.alpaca.double import AlpacaDouble
from simulator.faults import FaultBoard
from simulator.instruments import ALPACA, KRAKEN, VENUES, Instrument
from simulator.kraken.double import KrakenDouble
from simulator.listening import Listeners
from simulator.playback import PlayedMarket
from simulator.publication import Publisher

STEP_S = 0.02
_LEAST_TICK = Decimal("1e-18")


def instruments_of(lots: Mapping[MarketKey, Lot]) -> dict[MarketKey, Instrument]:
    """Return the instruments that the lots of a recording tell; prices and sizes come with its books."""
    return {key: _instrument(key.pair, lot) for key, lot in lots.items()}


def _instrument(pair: Pair, lot: Lot) -> Instrument:
    return Instrument(pair, _power(lot.tick), _power(lot.step), lot.min_quantity, 1.0, 0.5, 1_000.0)


def _power(step: Decimal) -> Decimal:
    """Return the finest power of ten that the step is a multiple of, one at most."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(Decimal(1).scaleb(min(exponent, 0)), _LEAST_TICK)


class PlayedDoubles:
    """The running venues, one for each that the market names; they show a book when they are told to."""

    def __init__(self, market: PlayedMarket, adapters: Mapping[str, str], *, clock: Callable[[], int]) -> None:
        """Build the doubles. Raises: BadInput for a venue whose adapter has no double."""
        self._market = market
        self._listeners = Listeners()
        self._board = FaultBoard((), elapsed_s=lambda: market.elapsed_s)
        self._beating: list[asyncio.Task[None]] = []
        self._doubles = {
            venue: self._double(venue, adapters.get(venue, venue), clock)
            for venue in dict.fromkeys(key.venue for key in market.markets)
        }
        self.addresses: dict[str, str] = {}

    async def start(self) -> None:
        """Open a port for each venue."""
        for venue, double in self._doubles.items():
            self.addresses[venue] = await self._listeners.open(double.app)
            if isinstance(double, KrakenDouble):
                self._beating.append(asyncio.create_task(double.live()))

    async def stop(self) -> None:
        """Close every connection and port."""
        for task in self._beating:
            task.cancel()
        await asyncio.gather(*self._beating, return_exceptions=True)
        for double in self._doubles.values():
            double.cut_all()
        await self._listeners.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def show(self, book: Book) -> None:
        """Make one book public and tell whoever subscribed."""
        self._doubles[book.venue].publish((book,))

    async def play(self, clock: Callable[[], int] = time.time_ns) -> None:
        """Show every book when its time comes, until the recording is over."""
        while not self._market.is_over:
            for book in self._market.advance(clock()):
                self.show(book)
            await asyncio.sleep(STEP_S)

    def variables(self) -> dict[str, str]:
        """Return the variables that send a process to these venues, with keys that they know."""
        found = {
            "ARB_PAIRS": ",".join(dict.fromkeys(key.pair.symbol for key in self._market.markets)),
            "ALPACA_DATA_API_KEY": ALPACA_DATA.key,
            "ALPACA_DATA_API_SECRET": ALPACA_DATA.secret,
        }
        more = []
        for venue, double in self._doubles.items():
            adapter = KRAKEN if isinstance(double, KrakenDouble) else ALPACA
            if venue in VENUES:
                found |= dict(zip(_VARIABLES[adapter], self._urls(venue, adapter), strict=True))
            else:
                more.append(f"{venue}={adapter}@{','.join(self._urls(venue, adapter))}")
        return found | {"ARB_MORE_VENUES": " ".join(more)}

    def _urls(self, venue: str, adapter: str) -> tuple[str, ...]:
        rest = f"http://{self.addresses[venue]}"
        return (rest, self.stream_url(venue)) if adapter == KRAKEN else (rest, rest, self.stream_url(venue))

    def stream_url(self, venue: str) -> str:
        """Return where the venue's WebSocket answers."""
        path = "/v2" if isinstance(self._doubles[venue], KrakenDouble) else "/v1beta3/crypto/us"
        return f"ws://{self.addresses[venue]}{path}"

    def _double(self, venue: str, adapter: str, clock: Callable[[], int]) -> KrakenDouble | AlpacaDouble:
        publisher = Publisher(venue, self._market, self._board, clock=clock)
        if adapter == KRAKEN:
            return KrakenDouble(publisher, kraken_account())
        if adapter == ALPACA:
            return AlpacaDouble(publisher, alpaca_account())
        raise BadInput(f"{venue} was recorded by the adapter {adapter!r}, which has no double: choose from {VENUES}")


_VARIABLES = {
    KRAKEN: ("ARB_KRAKEN_REST_URL", "ARB_KRAKEN_WS_URL"),
    ALPACA: ("ARB_ALPACA_TRADING_URL", "ARB_ALPACA_DATA_URL", "ARB_ALPACA_STREAM_URL"),
}


def run_played(
    looks: Iterable[tuple[int, Book]],
    lots: Mapping[MarketKey, Lot],
    adapters: Mapping[str, str],
    *,
    speed: float,
    announce: Callable[[PlayedDoubles], None],
) -> None:
    """Serve a recording from now on until it is over or interrupted; ``announce`` the venues once they answer."""

    async def until_over() -> None:
        market = PlayedMarket(iter(looks), instruments_of(lots), start_ns=time.time_ns(), speed=speed)
        async with PlayedDoubles(market, adapters, clock=time.time_ns) as doubles:
            announce(doubles)
            await doubles.play()

    with suppress(KeyboardInterrupt):
        asyncio.run(until_over())
