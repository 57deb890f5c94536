"""Trains every model on the simulated market, as ``manage.py train all --synthetic`` does, with the options of train."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    from arbsite.entry import main
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed for this Python: run make environment, then .venv/bin/python {__file__}")

if __name__ == "__main__":
    sys.exit(main(["manage.py", "train", "all", "--synthetic", *sys.argv[1:]]))
