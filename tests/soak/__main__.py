"""Soak the whole system: run it as a user does, wound it every half minute, and see that it heals.

python -m tests.soak [--minutes 60] [--every 30] [--seed 7] [--only kraken] [--json report.json]
"""

import argparse
import json
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from arbsite.embedded import acquire
from domain.errors import Unreachable
from tests.e2e.running import lend_chain
from tests.soak import report
from tests.soak.running import soak
from tests.soak.system import System

NOT_KEPT, DOWN, INTERRUPTED = 3, 5, 130
SETTLE_S = 180.0


def main() -> int:
    """Run it, print a line per promise, and return 3 if one was not kept."""
    told = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # in the background too, nothing is left running
    seed = secrets.randbelow(10**6) if told.seed is None else told.seed
    print(f"seed {seed}: {told.minutes:g} minutes, a fault every {told.every:g} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="arbsite-soak-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)  # as root the servers run as another account
        try:
            is_kept = run(Path(folder) / "state", told, seed)
        except Unreachable as error:
            print(error, file=sys.stderr)
            return DOWN
        except KeyboardInterrupt:
            return INTERRUPTED
    return 0 if is_kept else NOT_KEPT


def arguments() -> argparse.Namespace:
    """Return what was asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=30.0, help="seconds from one fault to the next")
    parser.add_argument("--seed", type=int, default=None, help="chance by default; the one printed repeats the faults")
    parser.add_argument("--only", default="", help="faults whose name holds this")
    parser.add_argument("--json", type=Path, default=None, help="write everything to this file")
    return parser.parse_args()


def run(state_dir: Path, told: argparse.Namespace, seed: int) -> bool:
    """Soak a system in ``state_dir`` and say how it went."""
    settle_s = min(SETTLE_S, told.minutes * 60 / 5)
    lend_chain(state_dir)
    with acquire(state_dir) as lease:
        system = System(lease, seed=seed)
        try:
            found, watcher = soak(
                system, seed=seed, minutes=told.minutes, every_s=told.every, only=told.only, tell=_say
            )
        finally:
            system.end()
    lines = report.lines_of(found, watcher.seen, settle_s=settle_s)
    for line in lines:
        _say(f"{'kept    ' if line.is_kept else 'NOT KEPT'}  {line.promise}: {line.detail}")
    if told.json is not None:
        told.json.write_text(json.dumps(report.told(found, watcher.seen, lines, settle_s=settle_s), indent=1))
    return all(line.is_kept for line in lines)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
