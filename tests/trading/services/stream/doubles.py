"""The venue doubles beside a test that has no event loop to spare, and settings that lead to them."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

from django.conf import settings

from arbsite.config.tree import Arb, Fees
from domain.market import Pair
from domain.secret import Credentials, Secret
from simulator.accounts import ALPACA_DATA
from simulator.server import SimulatorConfig, Urls, serve

FREE = Fees(Decimal(0), Decimal(0))  # so that a market that hardly moves gives opportunities

LINGER_MS = 500  # so that episodes are many


@contextmanager
def doubles_in_thread(pairs: Sequence[Pair], *, seed: int = 1) -> Iterator[Urls]:
    """Serve both doubles from a thread of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = serve(SimulatorConfig(seed=seed, pairs=tuple(pairs), incident_at_s=None))
    doubles = asyncio.run_coroutine_threadsafe(serving, loop).result(60)
    try:
        yield doubles.urls
    finally:
        asyncio.run_coroutine_threadsafe(doubles.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


def settings_for(urls: Urls, pairs: Sequence[Pair], *, has_key: bool = True) -> Arb:
    """Return the settings with the doubles in place of the venues, which then charge nothing."""
    arb = settings.ARB
    kraken = replace(arb.venues.kraken, rest_url=urls.kraken_rest, ws_url=urls.kraken_ws, read=None)
    alpaca = replace(
        arb.venues.alpaca,
        trading_url=urls.alpaca_trading,
        data_url=urls.alpaca_data,
        stream_url=urls.alpaca_stream,
        poll_ms=100,
        read=None,
        data=Credentials(Secret(ALPACA_DATA.key), Secret(ALPACA_DATA.secret)) if has_key else None,
    )
    trading = replace(
        arb.trading, fees={"kraken": FREE, "alpaca": FREE}, min_net_bps=Decimal(0), episode_linger_ms=LINGER_MS
    )
    return replace(
        arb, pairs=tuple(pairs), venues=replace(arb.venues, kraken=kraken, alpaca=alpaca, more=()), trading=trading
    )
