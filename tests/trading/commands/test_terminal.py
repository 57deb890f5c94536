"""What warns is said in words where a person reads along, and logged where none does."""

import io
import logging
import sys

import pytest

from trading.management.terminal import leave_the_terminal_to_words


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True


@pytest.mark.parametrize(("stream", "level"), [(Terminal(), logging.ERROR), (io.StringIO(), logging.INFO)])
def test_only_a_terminal_is_spared_the_warnings(monkeypatch, stream, level):
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.INFO)
    monkeypatch.setattr(sys, "stderr", stream)
    leave_the_terminal_to_words()
    assert root.level == level
