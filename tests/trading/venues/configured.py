"""Settings of venues and chains, as the tests of the roster and of the registry want them."""

from dataclasses import replace
from pathlib import Path

from django.conf import settings

from arbsite.config.tree import Chain, Venues
from domain.market import Pair
from domain.secret import Credentials, Secret

KEYS = Credentials(Secret("k"), Secret("s"))
PAIRS = (Pair.parse("BTC/USD"),)
ETH_USDC, ETH_DAI, POL_USDC = map(Pair.parse, ("ETH/USDC", "ETH/DAI", "POL/USDC"))


def venues(*, data: Credentials | None = KEYS, read: Credentials | None = KEYS) -> Venues:
    configured: Venues = settings.ARB.venues
    alpaca = replace(configured.alpaca, data=data, read=read, stream_url="ws://127.0.0.1:1/v1beta3/crypto/us")
    return replace(configured, alpaca=alpaca, kraken=replace(configured.kraken, read=read))


def chain(
    name: str = "ethereum", chain_id: int = 1, *, url: str = "http://127.0.0.1:1", table: Path | None = None
) -> Chain:
    urls = (Secret(url),) if url else ()
    return Chain(name, chain_id, urls, None, 1000, 60_000, 300, 10**9, table)


def with_chains(*chains: Chain) -> Venues:
    return replace(venues(), chains=chains)
