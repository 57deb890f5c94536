"""What else writes to the terminal that a command writes on."""

import logging
import sys


def leave_the_terminal_to_words() -> None:
    """Log errors alone where a person reads along: what is a warning is said in words already."""
    if sys.stderr.isatty():
        logging.getLogger().setLevel(logging.ERROR)
