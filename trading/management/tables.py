"""Tables on a terminal: no frames, figures to the right and never cut off, right at 80 columns and at 120."""

from collections.abc import Collection
from typing import Literal

from rich.console import Console
from rich.table import Table

WIDE = 100  # columns of a terminal that leave room


def plain_table(console: Console, title: str, *names: str, texts: Collection[str] = ()) -> Table:
    """Return an empty table: the first column, and those named by blanks, hold text and wrap; ``texts`` do not wrap."""
    gap = 2 if console.width >= WIDE else 1
    is_headed = any(name.strip() for name in names)
    table = Table(title=title, show_header=is_headed, box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for number, name in enumerate(names):
        wraps = number == 0 or not name.strip()
        justify: Literal["left", "right"] = "left" if wraps or name in texts else "right"
        table.add_column(name, justify=justify, header_style="dim", no_wrap=not wraps, overflow="fold")
    return table


def print_apart(table: Table, console: Console) -> None:
    """Print a table with a blank line before it, and its title as wide as the terminal."""
    console.print()
    if table.title:
        console.print(table.title, style="bold")
    table.title = None
    console.print(table)
