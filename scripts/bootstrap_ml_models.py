"""Trains every model on the simulated market, as ``manage.py train all --synthetic`` does, with its options."""

import os
import runpy
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]

if __name__ == "__main__":
    own = CHECKOUT / ".venv" / "bin" / "python"  # whichever python it was called with
    if own.exists() and Path(sys.prefix) != own.parents[1]:
        os.execv(own, [str(own), *sys.argv])  # noqa: S606
    sys.path.insert(0, str(CHECKOUT))
    sys.argv = ["manage.py", "train", "all", "--synthetic", *sys.argv[1:]]
    runpy.run_path(str(CHECKOUT / "manage.py"), run_name="__main__")
