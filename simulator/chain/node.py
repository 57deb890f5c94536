"""The node's process: a child that ends with us, however we end."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from domain.errors import Refused, Unreachable
from simulator.chain.client import HOST, NodeClient

CHAIN_ID = 31337
BALANCE_ETHER = 100_000_000
PATIENCE_S = 20.0
STATES_KEPT = 16  # by a node that is to run for hours: its memory grows with them
BLOCKS_KEPT = 64  # with their transactions
_PR_SET_PDEATHSIG = 1


class Node:
    """One running node."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process
        self.client = NodeClient(port)

    @property
    def rpc_url(self) -> str:
        """Return where it answers JSON-RPC."""
        return f"http://{HOST}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Return where it tells of new heads."""
        return f"ws://{HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    def pause(self) -> None:
        """Let it stand still: connections stay open and say nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it; harmless once it has ended."""
        self.client.close()
        self.process.kill()
        self.process.wait()


def start_node(program: Path, *, port: int = 0, state: Path | None = None, is_mined_by_hand: bool = False) -> Node:
    """Return a node that answers, with ``state`` loaded. Raises: Unreachable if it does not answer.

    Blocks come with each transaction, or only when asked for where ``is_mined_by_hand``.
    """
    port = port or _free_port()
    options = [f"--port={port}", f"--host={HOST}", f"--chain-id={CHAIN_ID}", f"--balance={BALANCE_ETHER}"]
    options += ["--order=fifo", "--quiet"]
    options += [f"--load-state={state}"] if state else []
    kept = [f"--prune-history={STATES_KEPT}", f"--transaction-block-keeper={BLOCKS_KEPT}"]
    options += ["--no-mining", *kept] if is_mined_by_hand else []
    process = subprocess.Popen(
        [program, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=_end_with_parent(),  # noqa: PLW1509 - two system calls, and nothing that a lock could guard
    )
    node = Node(port, process)
    _await_answer(node)
    return node


def _await_answer(node: Node) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while node.is_running and time.monotonic() < until_s:
        try:
            if int(node.client.rpc("eth_chainId"), 16) == CHAIN_ID and node.is_running:
                return
        except (Unreachable, Refused):
            time.sleep(0.02)
    node.kill()
    raise Unreachable(f"the local chain's node did not start on port {node.port}")


def _end_with_parent() -> Callable[[], None] | None:
    """Return what makes a child end with the thread that starts it, where the kernel can."""
    if sys.platform != "linux":
        return None  # there the supervisor's guardian ends the whole group
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_for_the_end() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # it was faster than we

    return ask_for_the_end


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
