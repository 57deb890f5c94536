"""Fetches what the local chain is made of into the state folder, once; says so where it cannot be had."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from arbsite import config
from arbsite.demo.local_chain import fetch_chain
from domain.errors import ArbError


def main() -> int:
    """Return 0, or 5 where the chain is required and cannot be had."""
    try:
        fetch_chain(config.current().state_dir)
    except ArbError as error:
        print(f"no chain: {error}", file=sys.stderr)
        return 5 if os.environ.get("ARB_CHAIN") == "required" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
