"""The whole campaign: every parser against spoilt payloads.

python -m tests.fuzz [--mutations 100000] [--seed 7]
"""

import argparse
import logging
import secrets
import sys
import time

import structlog

from tests.fuzz.campaign import every_shape, run

SHOWN_FAULTS = 20


def main() -> int:
    """Run, print what became of the payloads, and return 1 if anything crashed or was believed that must not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None, help="chance by default; the one printed repeats a run")
    told = parser.parse_args()
    seed = secrets.randbelow(10**6) if told.seed is None else told.seed
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"seed {seed}: {told.mutations} mutations of {len(every_shape())} shapes", flush=True)
    begun_s = time.monotonic()
    tally = run(told.mutations, seed=seed)
    print(f"{tally.refused} refused, {tally.read} read, in {time.monotonic() - begun_s:.0f} s")
    print(f"refused for: {', '.join(f'{reason} {count}' for reason, count in tally.by_reason.most_common(16))}")
    print(
        f"{tally.markets} sound markets among them; on digits changed into others just as sound, where nothing proves them, "
        f"{tally.opportunities} opportunities"
    )
    print(f"{len(tally.faults)} crashes, opportunities out of bad data, or numbers that are none")
    for fault in tally.faults[:SHOWN_FAULTS]:
        print(fault[:600])
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
