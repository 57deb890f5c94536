"""The doubles on loopback: one event loop, one market process, every venue on its own port."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Self

from aiohttp import web

from domain.errors import BadInput, Unreachable
from domain.market import Pair
from simulator.accounts import ALPACA_DATA, Account, alpaca_account, kraken_account
from simulator.alpaca.double import AlpacaDouble
from simulator.alpaca.stream import AUTH_TIMEOUT_S
from simulator.chain.driver import ChainDriver
from simulator.chain.node import CHAIN_ID
from simulator.chain.world import World
from simulator.faults import Fault, FaultBoard
from simulator.instruments import ALPACA, DEFAULT_PAIRS, KRAKEN
from simulator.kraken.double import KrakenDouble
from simulator.listening import Listeners
from simulator.market import INCIDENT_AT_S, STEP_NS, MarketProcess
from simulator.publication import Publisher


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """What to simulate and where; port 0 takes a free one."""

    seed: int = 1
    pairs: tuple[Pair, ...] = DEFAULT_PAIRS
    incident_at_s: float | None = INCIDENT_AT_S
    faults: tuple[Fault, ...] = ()
    kraken_port: int = 0
    alpaca_port: int = 0
    kraken: Account = field(default_factory=kraken_account)
    alpaca: Account = field(default_factory=alpaca_account)
    auth_timeout_s: float = AUTH_TIMEOUT_S
    world: World | None = None  # the local chain's, where there is to be one
    chain_port: int = 0


_VARIABLES = {
    "kraken_rest": "ARB_KRAKEN_REST_URL",
    "kraken_ws": "ARB_KRAKEN_WS_URL",
    "alpaca_trading": "ARB_ALPACA_TRADING_URL",
    "alpaca_data": "ARB_ALPACA_DATA_URL",
    "alpaca_stream": "ARB_ALPACA_STREAM_URL",
    "ethereum_rpc": "ARB_ETHEREUM_RPC_URLS",
    "ethereum_ws": "ARB_ETHEREUM_WS_URL",
    "ethereum_deployment": "ARB_ETHEREUM_DEPLOYMENT",
}


@dataclass(frozen=True, slots=True)
class Urls:
    """Where each API of the doubles answers; an SDK takes each as it is."""

    kraken_rest: str
    kraken_ws: str
    alpaca_trading: str
    alpaca_data: str
    alpaca_stream: str
    ethereum_rpc: str = ""
    ethereum_ws: str = ""
    ethereum_deployment: str = ""

    @property
    def fault_endpoints(self) -> tuple[str, str]:
        """Return where fault scripts are set at run time; either serves every venue."""
        return (f"{self.kraken_rest}/faults", f"{self.alpaca_trading}/faults")

    def as_dict(self) -> dict[str, str]:
        """Return the URLs by name; where there is no chain, nothing of one."""
        return {name: url for name, url in asdict(self).items() if url}

    def variables(self, pairs: Iterable[Pair]) -> dict[str, str]:
        """Return the variables that send a process here, with keys that the doubles know."""
        found = {_VARIABLES[name]: url for name, url in self.as_dict().items()}
        found |= {"ARB_MODE": "sim", "ARB_PAIRS": ",".join(pair.symbol for pair in pairs)}
        found |= {"ALPACA_DATA_API_KEY": ALPACA_DATA.key, "ALPACA_DATA_API_SECRET": ALPACA_DATA.secret}
        return found | ({"ARB_ETHEREUM_CHAIN_ID": str(CHAIN_ID)} if self.ethereum_rpc else {})


class Doubles:
    """The running venues."""

    def __init__(self, config: SimulatorConfig, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._config = config
        self._clock = clock
        self.market = MarketProcess(
            config.seed,
            config.pairs,
            start_ns=clock(),
            incident_at_s=config.incident_at_s,
            pools=config.world.pools if config.world else (),
        )
        self.faults = FaultBoard(config.faults, elapsed_s=self._elapsed_s)
        self._kraken = KrakenDouble(self._publisher(KRAKEN), config.kraken)
        self._alpaca = AlpacaDouble(self._publisher(ALPACA), config.alpaca, auth_timeout_s=config.auth_timeout_s)
        self.chain: ChainDriver | None = None
        self._listeners = Listeners()
        self._tasks: list[asyncio.Task[None]] = []
        self.urls = Urls("", "", "", "", "")

    async def start(self) -> None:
        """Open the ports and set the market going.

        Raises: BadInput if a port is taken; Unreachable if the chain's node does not start.
        """
        kraken = await self._listen(self._kraken.app, self._config.kraken_port)
        alpaca = await self._listen(self._alpaca.app, self._config.alpaca_port)
        self.urls = Urls(
            kraken_rest=f"http://{kraken}",
            kraken_ws=f"ws://{kraken}/v2",
            alpaca_trading=f"http://{alpaca}",
            alpaca_data=f"http://{alpaca}",
            alpaca_stream=f"ws://{alpaca}/v1beta3/crypto/us",
        )
        self._tasks = [asyncio.create_task(self._drive()), asyncio.create_task(self._kraken.live())]
        if self._config.world is not None:
            await self._start_chain(self._config.world)

    async def stop(self) -> None:
        """Close every connection and port; raise what stopped the market, if anything did."""
        self.faults.clear()  # or a stalled request would hold the port open
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._kraken.cut_all()
        self._alpaca.cut_all()
        if self.chain is not None:
            self.chain.stop()
        await self._listeners.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def failed(self) -> None:
        """Return never; raise what stopped the market, if anything did."""
        await asyncio.gather(*self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _drive(self) -> None:
        """Follow real time, a step of the market at a time."""
        while True:
            books = self.market.advance(self._clock())
            self._kraken.publish(books)
            self._alpaca.publish(books)
            due_ns = self.market.now_ns + STEP_NS
            await asyncio.sleep(max(0.0, (due_ns - self._clock()) / 1e9))

    async def _start_chain(self, world: World) -> None:
        """Start the chain beside the books, which wait for nothing of it."""
        prices, seed, port = (lambda: self.market.pool_prices), self._config.seed, self._config.chain_port
        chain = self.chain = ChainDriver(world, prices, seed=seed, port=port)
        try:
            await chain.start()
        except Unreachable:
            await self.stop()
            raise
        self._tasks.append(asyncio.create_task(chain.run()))
        self.urls = replace(
            self.urls,
            ethereum_rpc=chain.node.rpc_url,
            ethereum_ws=chain.node.ws_url,
            ethereum_deployment=str(chain.deployment_file),
        )

    async def _listen(self, app: web.Application, port: int) -> str:
        try:
            return await self._listeners.open(app, port)
        except BadInput:
            await self.stop()
            raise

    def _publisher(self, venue: str) -> Publisher:
        return Publisher(venue, self.market, self.faults, clock=self._clock)

    def _elapsed_s(self) -> float:
        return (self._clock() - self.market.start_ns) / 1e9


async def serve(config: SimulatorConfig) -> Doubles:
    """Return the doubles, listening and in motion. Raises: BadInput if a port is taken."""
    doubles = Doubles(config)
    await doubles.start()
    return doubles


def run(config: SimulatorConfig, *, announce: Callable[[Urls], None] = print) -> None:
    """Serve the doubles until interrupted, and ``announce`` their URLs once they answer."""

    async def until_interrupted() -> None:
        async with await serve(config) as doubles:
            announce(doubles.urls)
            await doubles.failed()

    with suppress(KeyboardInterrupt):
        asyncio.run(until_interrupted())
