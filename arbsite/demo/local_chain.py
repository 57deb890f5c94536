"""The local chain beside the simulated venues: fetched once, and done without where it cannot be had."""

import sys
from pathlib import Path

from arbsite.config import claim_state_dir
from domain.errors import Unreachable
from simulator.chain.world import World, find_world, prepare_world


def find_chain(state_dir: Path) -> World | None:
    """Return the local chain's world if it was fetched."""
    return find_world(_folder(state_dir))


def fetch_chain(state_dir: Path) -> World:
    """Return the local chain's world, fetched now unless it was. Raises: Unreachable, naming the reason."""
    folder = _folder(claim_state_dir(state_dir))
    if find_world(folder) is None:
        print("Fetching the local chain (25 MB, once)", file=sys.stderr, flush=True)
    return prepare_world(folder)


def chain_or_reason(state_dir: Path) -> tuple[World | None, str]:
    """Return the world, or None and why there is none."""
    try:
        return fetch_chain(state_dir), ""
    except Unreachable as error:
        return None, str(error)


def _folder(state_dir: Path) -> Path:
    return state_dir / "chain"
