"""The doubles as one process: ports, scripts at the start, a clean end."""

import asyncio
import json
import os
import signal
import socket
import sys

import aiohttp
import pytest

from domain.errors import BadInput
from simulator.faults import Fault, FaultKind
from simulator.server import Doubles, SimulatorConfig, serve


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_every_url_is_on_loopback_and_differs_by_venue(doubles: Doubles) -> None:
    urls = doubles.urls.as_dict()
    assert set(urls) == {"kraken_rest", "kraken_ws", "alpaca_trading", "alpaca_data", "alpaca_stream"}
    assert all("//127.0.0.1:" in url for url in urls.values())
    assert urls["kraken_rest"] != urls["alpaca_trading"]


async def test_given_ports_are_taken() -> None:
    config = SimulatorConfig(kraken_port=free_port(), alpaca_port=free_port())
    async with await serve(config) as doubles:
        assert doubles.urls.kraken_rest == f"http://127.0.0.1:{config.kraken_port}"
        assert doubles.urls.alpaca_stream == f"ws://127.0.0.1:{config.alpaca_port}/v1beta3/crypto/us"


async def test_a_port_in_use_is_refused_by_name_and_leaves_nothing_open() -> None:
    free = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"port {port} on 127.0.0.1 cannot be opened"):
            await serve(SimulatorConfig(kraken_port=free, alpaca_port=port))
    with socket.socket() as again:
        again.bind(("127.0.0.1", free))


async def test_a_script_given_at_the_start_is_felt(http: aiohttp.ClientSession) -> None:
    config = SimulatorConfig(faults=(Fault(FaultKind.RATE_LIMIT, "kraken", 0, 60),))
    async with await serve(config) as doubles, http.get(f"{doubles.urls.kraken_rest}/0/public/Time") as response:
        assert response.status == 429
        assert doubles.faults.felt() == {"kraken:rate_limit": 1}


async def test_stopping_closes_open_streams_and_the_ports(http: aiohttp.ClientSession) -> None:
    doubles = await serve(SimulatorConfig())
    async with http.ws_connect(doubles.urls.kraken_ws) as stream:
        await stream.receive_str()
        await doubles.stop()
        ended = await stream.receive()
        assert ended.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get(f"{doubles.urls.kraken_rest}/0/public/Time")


async def test_a_market_that_fails_is_not_silent() -> None:
    doubles = Doubles(SimulatorConfig())
    await doubles.start()
    doubles.market.advance = None  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        await doubles.failed()
    with pytest.raises(TypeError):
        await doubles.stop()


async def test_run_announces_its_urls_and_ends_cleanly_when_interrupted() -> None:
    program = (
        "import json; from simulator.server import SimulatorConfig, run\n"
        "run(SimulatorConfig(), announce=lambda urls: print(json.dumps(urls.as_dict()), flush=True))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=os.getcwd(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests run in a background job ignore it
    )
    assert process.stdout is not None
    urls = json.loads(await process.stdout.readline())
    assert urls["kraken_ws"].endswith("/v2")
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
