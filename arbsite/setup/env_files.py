"""``manage.py setup --env``: the ``.env`` file and the files of secrets that Compose and our own commands read.

It needs no settings, no database and no Django: it runs before any of them can be had. What exists is never changed.
"""

import json
import os
import secrets
import stat
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from arbsite.config.placeholders import SHORTEST_PASSWORD, is_weak, reject_placeholders
from arbsite.config.source import read_assignments
from arbsite.config.variables import MAY_BE_BLANK, SECRET_FILES
from domain.errors import BadInput, Refused, Unreachable

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = "secrets"
BASE_NAME = "trading_db"
IMAGE_GID = 10001  # of the account that our image runs as
# passwords of other programs in Compose, which none of our own processes reads
OTHERS = ("POSTGRES_PASSWORD", "GRAFANA_ADMIN_PASSWORD")
OURS = (
    "TIMESCALE_PASSWORD",
    "REDIS_PASSWORD",
    "ARB_SECRET_KEY",
    "ARB_ADMIN_PASSWORD",
    "ARB_FLOWER_PASSWORD",
    "ARB_DASHBOARDS_PASSWORD",
    "ARB_HOOK_TOKEN",
    "ARB_MLFLOW_PASSWORD",
)
GENERATED = (*OURS, *OTHERS)
TO_FILL_IN = tuple(name for name in SECRET_FILES.values() if name in MAY_BE_BLANK)

_HEAD = "# Made by manage.py setup --env; .env.example explains every variable. Never commit this file.\n"
_ADDED = "# Added by manage.py setup --env.\n"


@dataclass
class Made:
    """What a set-up did, by the names of files and variables."""

    env_file: str
    secrets_dir: str
    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    taken_over: list[str] = field(default_factory=list)  # from .env
    to_fill_in: list[str] = field(default_factory=list)
    lines_added: list[str] = field(default_factory=list)


def is_asked(argv: Sequence[str]) -> bool:
    """Whether a command line asks for these files rather than for databases."""
    return argv[1:2] == ["setup"] and "--env" in argv and not {"-h", "--help"} & set(argv)


def main(argv: Sequence[str]) -> int:
    """Make the files that ``argv`` asks for and say what was made. Raises: ArbError."""
    parser = ArgumentParser(prog="manage.py setup --env")
    parser.error = lambda message: parser.exit(2, f"{message}\n")  # type: ignore[method-assign]
    parser.add_argument("--env", action="store_true", required=True)
    parser.add_argument("--directory", type=Path, default=CHECKOUT)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv[2:])
    made = make_files(options.directory)
    print(json.dumps(asdict(made)) if options.json else in_words(made), file=sys.stdout)
    return 0


def make_files(directory: Path) -> Made:
    """Make what is missing of ``.env`` and of the secrets in ``directory``, and return what was done.

    Raises: BadInput if ``directory`` or its ``.env`` is none, Refused if something there is unsafe, Unreachable if
    nothing can be written there.
    """
    if not directory.is_dir():
        raise BadInput(f"--directory is {directory}, which is no folder: make it first")
    env_file, folder = directory / ".env", directory / FOLDER
    given = {name: value for name, value in read_assignments(env_file).items() if value.strip()}
    _refuse_what_is_soon_guessed(given, env_file, folder)
    made = Made(str(env_file), str(folder))
    try:
        _claim(folder)
        _bring_back_the_superusers(folder)
        for name in (*GENERATED, *TO_FILL_IN):
            _keep(folder / name.lower(), name, given.get(name, ""), made)
        _keep_restore_url(folder, given.get("TIMESCALE_DB", BASE_NAME), made)
        _complete(env_file, _lines(given, gid=_gid()), made)
    except OSError as error:
        raise Unreachable(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return made


def in_words(made: Made) -> str:
    """Return what was done, for people."""
    lines = [f"{made.env_file}: {f'{len(made.lines_added)} lines added' if made.lines_added else 'complete already'}"]
    told = (("made", made.made), ("kept as they were", made.kept), ("taken over from .env", made.taken_over))
    lines += [f"{made.secrets_dir}: {what}: {', '.join(names)}" for what, names in told if names]
    if made.to_fill_in:
        lines += [
            f"still blank, in {made.secrets_dir}; a dry run on public data needs none of them:",
            *(f"  {name}" for name in made.to_fill_in),
        ]
    beside = "" if Path(made.env_file).parent.resolve() == CHECKOUT else "bring both beside docker-compose.yml, then "
    return "\n".join([*lines, f"next: {beside}scripts/start_infrastructure.sh"])


def _refuse_what_is_soon_guessed(given: Mapping[str, str], env_file: Path, folder: Path) -> None:
    """Refuse examples' texts, and weak passwords: a server keeps the one that it is first started with."""
    for name in (*GENERATED, *TO_FILL_IN):
        file = folder / name.lower()
        held = _held(file)
        secret, where = (held, file) if held else (given.get(name, ""), env_file)
        reject_placeholders([(name, secret, str(where))])
        if name in GENERATED and secret and is_weak(secret):
            raise BadInput(
                f"{name} in {where} is too weak, at least {SHORTEST_PASSWORD} characters are wanted: "
                "remove it and let manage.py setup --env make one"
            )


def _held(file: Path) -> str:
    """Return the secret that ``file`` holds, nothing where it is blank or not there. Raises: BadInput, Unreachable."""
    try:
        return file.read_text(encoding="utf-8").strip() if file.exists() else ""
    except UnicodeDecodeError:
        raise BadInput(f"{file} holds no text: put the secret there, or remove the file") from None
    except OSError as error:
        raise Unreachable(f"{file} cannot be read: {error.strerror}") from error


def _claim(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise Refused(f"{folder} is open to others or not yours: secrets need a folder of your own, chmod 700 {folder}")


def _keep(file: Path, name: str, from_env: str, made: Made) -> None:
    """Let ``file`` hold the secret called ``name``, unless it holds one already."""
    if _held(file):
        made.kept.append(file.name)
        return
    if from_env:
        made.taken_over.append(name)
        _write(file, from_env, 0o440)
    elif name in GENERATED:
        made.made.append(file.name)
        # letters and digits alone where another program's file would expand a dollar or a percent sign
        _write(file, secrets.token_urlsafe(48) if name == "ARB_SECRET_KEY" else secrets.token_hex(24), 0o440)
    else:
        made.to_fill_in.append(file.name)
        if not file.exists():
            _write(file, "", 0o640)


def _bring_back_the_superusers(folder: Path) -> None:
    """Where its file is gone, take the password from the address that holds it too: the server keeps the old one."""
    file = folder / "postgres_password"
    address = urlsplit(_held(folder / "arb_restore_url"))
    if not _held(file) and address.hostname == "timescaledb" and address.password:
        _write(file, unquote(address.password), 0o440)


def _keep_restore_url(folder: Path, base_name: str, made: Made) -> None:
    """Let Compose's backups reach the server as its superuser, which restoring TimescaleDB takes."""
    file = folder / "arb_restore_url"
    if _held(file):
        made.kept.append(file.name)
        return
    password = _held(folder / "postgres_password")
    _write(
        file, f"postgresql://postgres:{quote(password, safe='')}@timescaledb:5432/{quote(base_name, safe='')}", 0o440
    )
    made.made.append(file.name)


def _write(file: Path, text: str, mode: int) -> None:
    """Write ``file`` whole or not at all; its group reads it too, which is how containers do (docs/deployment.md)."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            if mode != 0o600:
                os.fchown(descriptor, -1, _gid())
            os.fchmod(descriptor, mode)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _gid() -> int:
    return os.getegid() or IMAGE_GID


def _lines(given: Mapping[str, str], *, gid: int) -> dict[str, str]:
    """Return what ``.env`` must set; a secret that stands there itself is not named a second time."""
    files = {f"{name}_FILE": f"{FOLDER}/{name.lower()}" for name in (*OURS, *TO_FILL_IN) if name not in given}
    return {
        "ARB_MODE": "dry_run",
        "TIMESCALE_HOST": "localhost",
        "TIMESCALE_PORT": "5433",
        "TIMESCALE_USER": "trading_user",
        "TIMESCALE_DB": BASE_NAME,
        "ARB_TIMESCALE": "required",
        "REDIS_URL": "redis://localhost:6379/0",
        "SECRETS_DIR": f"./{FOLDER}",
        "SECRETS_GID": str(gid),
        **files,
    }


def _complete(env_file: Path, lines: Mapping[str, str], made: Made) -> None:
    present = read_assignments(env_file)
    missing = {name: value for name, value in lines.items() if not present.get(name, "").strip()}
    if not missing:
        return
    old = env_file.read_text(encoding="utf-8") if env_file.exists() else ""
    # a name that is there but blank would be set twice
    kept = [line for line in old.splitlines() if line.partition("=")[0].strip() not in missing]
    new = [*kept, "", _ADDED.strip()] if old else [_HEAD.strip()]
    text = "\n".join([*new, *(f"{name}={value}" for name, value in missing.items()), ""])
    _write(env_file, text, 0o600)
    made.lines_added = list(missing)
