"""In sim the venues are simulated: whoever would take a real one for it is told."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from domain.errors import BadInput

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def is_simulated(address: str) -> bool:
    """Whether an address is this machine's own, where alone simulated venues listen."""
    return urlsplit(address).hostname in LOOPBACK


def check_simulated(addresses: Mapping[str, str]) -> None:
    """Raise BadInput where a real venue would be taken for a simulated one."""
    for name, address in addresses.items():
        if not is_simulated(address):
            raise BadInput(
                f"in sim the venues are simulated, but {name} is {address}: start manage.py simulate and set "
                "ARB_KRAKEN_REST_URL, ARB_KRAKEN_WS_URL, ARB_ALPACA_TRADING_URL, ARB_ALPACA_DATA_URL and "
                "ARB_ALPACA_STREAM_URL to the addresses it writes"
            )
