"""The simulated venues as one more process: where they listen, what starts them, and what points at them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from arbsite.embedded.ports import HOST, free_port
from arbsite.processes import Process
from simulator.accounts import ALPACA_DATA, ALPACA_READ, ALPACA_TRADE, KRAKEN_READ, KRAKEN_TRADE, Credential

NAME = "simulator"


@dataclass(frozen=True, slots=True)
class DoublesAddress:
    """The ports of both doubles, chosen beforehand so that a simulator started again is found where it was."""

    kraken_port: int
    alpaca_port: int

    def variables(self) -> dict[str, str]:
        """Return the variables that send every process to the doubles, with the keys that the doubles know."""
        kraken, alpaca = f"{HOST}:{self.kraken_port}", f"{HOST}:{self.alpaca_port}"
        return {
            "ARB_KRAKEN_REST_URL": f"http://{kraken}",
            "ARB_KRAKEN_WS_URL": f"ws://{kraken}/v2",
            "ARB_ALPACA_TRADING_URL": f"http://{alpaca}",
            "ARB_ALPACA_DATA_URL": f"http://{alpaca}",
            "ARB_ALPACA_STREAM_URL": f"ws://{alpaca}/v1beta3/crypto/us",
            **_login("KRAKEN", KRAKEN_TRADE),
            **_login("KRAKEN_READ", KRAKEN_READ),
            **_login("ALPACA", ALPACA_TRADE),
            **_login("ALPACA_READ", ALPACA_READ),
            **_login("ALPACA_DATA", ALPACA_DATA),
        }

    def process(self, *, seed: int, pairs: Sequence[str], incident_at_s: float | None) -> Process:
        """Return the process that simulates the venues."""
        ports = (f"--kraken-port={self.kraken_port}", f"--alpaca-port={self.alpaca_port}")
        incident = "--no-incident" if incident_at_s is None else f"--incident-at={incident_at_s:g}"
        options = (f"--seed={seed}", *ports, f"--pairs={','.join(pairs)}", incident, "--json")
        return Process(NAME, (sys.executable, "manage.py", "simulate", *options))


def choose_address() -> DoublesAddress:
    """Return two free ports."""
    kraken_port = free_port()
    alpaca_port = free_port()
    while alpaca_port == kraken_port:
        alpaca_port = free_port()
    return DoublesAddress(kraken_port, alpaca_port)


def _login(prefix: str, credential: Credential) -> dict[str, str]:
    return {f"{prefix}_API_KEY": credential.key, f"{prefix}_API_SECRET": credential.secret}
