"""How a command begins and ends: its settings, the servers it needs, its schema, its exit code."""

import errno
import os
import sys
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from arbsite import config
from arbsite.embedded import Lease, acquire
from arbsite.embedded.binaries import client_programs
from arbsite.setup import env_files
from domain.errors import ArbError, BadInput, Refused, Unreachable
from domain.scope import Mode
from risk import stopfile

EXIT_CODES: tuple[tuple[type[ArbError], int], ...] = ((BadInput, 2), (Refused, 4), (Unreachable, 5), (ArbError, 1))

MODE_OF_COMMAND = {  # whatever is configured
    "demo": Mode.SIM,
    "replay": Mode.REPLAY,
    "backtest": Mode.REPLAY,
    "collect": Mode.DRY_RUN,  # unless --mode says sim
}
WITHOUT_SERVICES = frozenset(
    {
        "help",
        "version",
        "check",
        "show_config",
        "doctor",
        "diffsettings",
        "findstatic",
        "simulate",
        "mlflow",
    }
)
WITHOUT_SCHEMA = frozenset(
    {"migrate", "makemigrations", "showmigrations", "sqlmigrate", "squashmigrations", "setup", "backup", "dashboards"}
)

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_ACCESS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

DJANGO_S_OPTIONS = (  # they work, and are listed by no command's help
    "--version",
    "--settings",
    "--pythonpath",
    "--traceback",
    "--no-color",
    "--force-color",
)

_held: list[Lease] = []


def main(argv: list[str]) -> int:
    """Run the command that ``argv`` names and return its exit code; our own errors are one line on stderr."""
    try:
        return _run(argv)
    except ArbError as error:
        print(error, file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return 130  # what a shell expects of a command that SIGINT ended
    except BrokenPipeError:  # whoever read our output has gone, as ``head`` does: nobody is left to be told
        _drop_output()
        return 1
    except OSError as error:
        if error.errno not in NO_SPACE | NO_ACCESS:
            raise
        print(f"there is no {'space left' if error.errno in NO_SPACE else 'access'}: {error}", file=sys.stderr)
        _drop_output()
        return 1


def exit_code(error: ArbError) -> int:
    """Return the exit code that tells what sort of error ended a command."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def lease_services() -> AbstractContextManager[Lease | None]:
    """Return a lease on the embedded servers, named in this process's settings; none where all are configured.

    Raises: Unreachable if they do not start, BadInput if the settings are unsound.
    """
    arb = config.current()
    if not (arb.database.is_embedded or arb.redis.is_embedded):
        return nullcontext()
    lease = acquire(arb.state_dir)
    _held.append(lease)
    config.use_services(
        database_url=lease.database_url() if arb.database.is_embedded else None,
        redis_url=lease.redis_url if arb.redis.is_embedded else None,
    )
    if arb.database.is_embedded:
        config.prepend_to_path(client_programs())  # an older psql or pg_dump does not fit this server
    return lease


def held_lease() -> Lease | None:
    """Return the lease that this command holds, for a supervisor to keep; None where no server is embedded."""
    return _held[-1] if _held else None


def _drop_output() -> None:
    """Let what is still buffered go nowhere, or the flush at the end fails once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(argv: list[str]) -> int:
    if env_files.is_asked(argv):
        return env_files.main(argv)
    config.name_settings_module()
    command = argv[1] if len(argv) > 1 else "help"
    is_question = command.startswith("-") or not {"--help", "-h", "--version"}.isdisjoint(argv)
    _take_mode(argv)
    config.current()
    if is_question or command in WITHOUT_SERVICES:
        _execute(argv)
        return 0
    is_halting = command == "halt" and _halts_ahead(argv)
    with ExitStack() as held:
        _prepare(command, held, may_fail=is_halting)
        _execute(argv)
    return 0


def _halts_ahead(argv: list[str]) -> bool:
    """Write the stop file before anything slower, or anything that may be down, is asked."""
    is_written = stopfile.write_ahead(config.current().stop_file, argv[2:], now=datetime.now(UTC))
    if is_written:
        print("the stop file is written: from now on no opening order is sent", file=sys.stderr)
    return is_written


def _prepare(command: str, held: ExitStack, *, may_fail: bool) -> None:
    owns_schema = config.current().database.is_embedded
    try:
        held.enter_context(lease_services())
        if command not in WITHOUT_SCHEMA:
            _prepare_schema(command, applies=owns_schema)
    except Unreachable:
        if not may_fail:
            raise


def _take_mode(argv: list[str]) -> None:
    """Let the command itself or ``--mode`` choose the settings, the database among them, before Django reads them."""
    if argv[1:2] and argv[1] in MODE_OF_COMMAND:
        config.use_mode(MODE_OF_COMMAND[argv[1]])
    for mode in _modes_in(argv):
        if mode not in tuple(Mode):
            raise BadInput(f"--mode is {mode!r}; it must be one of {', '.join(Mode)}")
        config.use_mode(mode)


def _modes_in(argv: list[str]) -> list[str]:
    spelt_apart = [after for given, after in pairwise(argv) if given == "--mode"]
    return spelt_apart + [given.removeprefix("--mode=") for given in argv if given.startswith("--mode=")]


def _prepare_schema(command: str, *, applies: bool) -> None:
    import django  # late: Django reads its settings when it is set up, and they name the servers leased above
    from django.core.management import get_commands  # late: as above

    django.setup()
    from arbsite.setup.schema import ensure_migrated  # late: needs the set-up above

    if command in get_commands():  # an unknown one is told so, whatever state the schema is in
        ensure_migrated(applies=applies)


def in_one_sentence(command: Any) -> Any:
    """Return a command that says what is wrong with its options in one line, and lists no more than its own."""
    command.suppressed_base_arguments = {*command.suppressed_base_arguments, *DJANGO_S_OPTIONS}
    create = command.create_parser

    def create_terse(prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = create(prog_name, subcommand, **kwargs)
        parser.error = lambda message: parser.exit(2, f"{message} ({parser.prog} --help lists the options)\n")
        return parser

    command.create_parser = create_terse
    return command


def _execute(argv: list[str]) -> None:
    from django.core.management import ManagementUtility  # late: as above
    from django.db import OperationalError  # late: as above

    class OurUtility(ManagementUtility):
        def fetch_command(self, subcommand: str) -> Any:
            try:
                return in_one_sentence(super().fetch_command(subcommand))
            except SystemExit:  # said already, but with the exit code of an error
                sys.exit(2)

    try:
        OurUtility(argv).execute()
    except OperationalError as error:
        if argv[1] not in WITHOUT_SCHEMA:  # of these nobody has asked yet whether the database is there
            raise
        reason = str(error).splitlines()[0]
        raise Unreachable(f"the database cannot be used (manage.py setup creates what is missing): {reason}") from error
    finally:
        sys.stdout.flush()  # while a failure still counts: the flush at the exit would keep it to itself
