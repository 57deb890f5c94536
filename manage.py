#!/usr/bin/env python
"""Every command of this project: ``manage.py help`` lists them."""

import sys

from arbsite.entry import main

if __name__ == "__main__":
    sys.exit(main(sys.argv))
