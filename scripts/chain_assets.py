"""Fetches what the local chain is made of into the state folder, once; says so where it cannot be had."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from arbsite import config
from arbsite.config import claim_state_dir
from domain.errors import ArbError
from simulator.chain.world import find_world, prepare_world


def main() -> int:
    """Return 0, or 5 where the chain is required and cannot be had."""
    folder = claim_state_dir(config.current().state_dir) / "chain"
    try:
        if find_world(folder) is None:
            print("Fetching the local chain (25 MB, once)", file=sys.stderr)
            prepare_world(folder)
    except ArbError as error:
        print(f"no chain: {error}", file=sys.stderr)
        return 5 if os.environ.get("ARB_CHAIN") == "required" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
