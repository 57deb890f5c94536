"""Validates the models, as ``manage.py validate_models`` does: --days 7 --save-report."""

import runpy
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path.insert(0, str(CHECKOUT))
    sys.argv = ["manage.py", "validate_models", *sys.argv[1:]]
    runpy.run_path(str(CHECKOUT / "manage.py"), run_name="__main__")
