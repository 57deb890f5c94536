"""The simulated venues as one more process: where they listen, what starts them, and what points at them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arbsite.embedded.ports import HOST, free_port
from arbsite.processes import Process
from simulator.accounts import ALPACA_DATA, ALPACA_READ, ALPACA_TRADE, KRAKEN_READ, KRAKEN_TRADE, Credential
from simulator.chain.node import CHAIN_ID
from simulator.chain.world import World

NAME = "simulator"
_HEAD_EVERY_MS = "250"


@dataclass(frozen=True, slots=True)
class ChainAddress:
    """Where the local chain's node will answer, and the file that tells what stands on the chain."""

    port: int
    deployment: Path

    def variables(self) -> dict[str, str]:
        """Return the variables that make every process watch the chain as Ethereum."""
        return {
            "ARB_ETHEREUM_RPC_URLS": f"http://{HOST}:{self.port}",
            "ARB_ETHEREUM_WS_URL": f"ws://{HOST}:{self.port}",
            "ARB_ETHEREUM_CHAIN_ID": str(CHAIN_ID),
            "ARB_ETHEREUM_POLL_MS": _HEAD_EVERY_MS,
            "ARB_ETHEREUM_DEPLOYMENT": str(self.deployment),
        }


@dataclass(frozen=True, slots=True)
class DoublesAddress:
    """The ports of the doubles, chosen beforehand so that a simulator started again is found where it was."""

    kraken_port: int
    alpaca_port: int
    chain: ChainAddress | None = None

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
            **(self.chain.variables() if self.chain else {}),
        }

    def process(self, *, seed: int, pairs: Sequence[str], incident_at_s: float | None) -> Process:
        """Return the process that simulates the venues."""
        ports = (f"--kraken-port={self.kraken_port}", f"--alpaca-port={self.alpaca_port}")
        incident = "--no-incident" if incident_at_s is None else f"--incident-at={incident_at_s:g}"
        chain = f"--chain-port={self.chain.port}" if self.chain else "--no-chain"
        options = (f"--seed={seed}", *ports, chain, f"--pairs={','.join(pairs)}", incident, "--json")
        return Process(NAME, (sys.executable, "manage.py", "simulate", *options))


def choose_address(world: World | None = None) -> DoublesAddress:
    """Return free ports for the doubles, and for a node where there is a ``world`` for it."""
    ports: set[int] = set()
    while len(ports) < 3:
        ports.add(free_port())
    kraken_port, alpaca_port, chain_port = ports
    return DoublesAddress(kraken_port, alpaca_port, ChainAddress(chain_port, world.deployment_file) if world else None)


def _login(prefix: str, credential: Credential) -> dict[str, str]:
    return {f"{prefix}_API_KEY": credential.key, f"{prefix}_API_SECRET": credential.secret}
