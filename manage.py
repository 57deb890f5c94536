#!/usr/bin/env python
"""Every command of this project: ``manage.py help`` lists them."""

import sys

try:
    from arbsite.entry import main
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed for this Python: run make environment, then .venv/bin/python manage.py")

if __name__ == "__main__":
    sys.exit(main(sys.argv))
