"""How a command line ends, as a shell would see it."""

from typing import Any

from arbsite.entry import exit_code
from domain.errors import ArbError


def ending_of(command: Any, name: str, capsys: Any, args: tuple[str, ...]) -> tuple[int, str, str]:
    """Return the exit code that this command line ends with, and what it printed."""
    command._called_from_command_line = True  # else Django raises instead of ending the process
    code = 0
    try:
        command.handle(**vars(command.create_parser("manage.py", name).parse_args(args)))
    except SystemExit as ended:
        code = int(ended.code or 0)
    except ArbError as error:
        return exit_code(error), "", str(error)
    printed = capsys.readouterr()
    return code, printed.out, printed.err
