"""Trains every model on the simulated market, as ``manage.py train all --synthetic`` does, with its options."""

import runpy
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path.insert(0, str(CHECKOUT))
    sys.argv = ["manage.py", "train", "all", "--synthetic", *sys.argv[1:]]
    runpy.run_path(str(CHECKOUT / "manage.py"), run_name="__main__")
