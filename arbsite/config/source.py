"""Where values come from: the process environment over a ``.env`` file over the defaults."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from arbsite.config.placeholders import reject_placeholders
from arbsite.config.variables import MAY_BE_BLANK, SECRET_FILES, VARIABLES
from domain.errors import BadInput


@dataclass(frozen=True)
class Source:
    """The variables that are set, blank ones left out, and where each was."""

    values: Mapping[str, str]
    origins: Mapping[str, str]

    def get(self, name: str) -> str:
        """Return what ``name`` is set to, or its default."""
        return self.values.get(name, VARIABLES[name].default)

    def origin(self, name: str) -> str:
        """Return ``environment``, the file, or ``default``."""
        return self.origins.get(name, "default")


def read_source(environ: Mapping[str, str], env_file: Path | None) -> Source:
    """Return the variables of ``environ`` over those of ``env_file``. Raises: BadInput naming file and line."""
    if env_file and environ.get("ARB_ENV_FILE", "").strip() and not env_file.exists():
        raise BadInput(f"ARB_ENV_FILE names {env_file}, which is not there")
    for name in environ:
        if name.startswith("ARB_"):
            _reject_misspelt(name, "the environment")
    merged = _layer(read_assignments(env_file), str(env_file), env_file.parent) if env_file else {}
    merged |= _layer(environ, "the environment", Path())
    secrets = [name for name in merged if VARIABLES[name].is_secret and name != "TEST_DATABASE_URL"]
    reject_placeholders((name, value.strip(), origin) for name in secrets for value, origin in (merged[name],))
    return Source(
        values={name: value.strip() for name, (value, _) in merged.items()},
        origins={name: origin.removeprefix("the ") for name, (_, origin) in merged.items()},
    )


def _layer(given: Mapping[str, str], origin: str, folder: Path) -> dict[str, tuple[str, str]]:
    """Return what one place sets, secrets that lie in files included; ``folder`` is what their paths start from."""
    # a variable that is set but blank counts as unset: compose files pass blanks on
    layer = {name: (given[name], origin) for name in VARIABLES if given.get(name, "").strip()}
    for file_variable, name in SECRET_FILES.items():
        path = given.get(file_variable, "").strip()
        if not path:
            continue
        if name in layer:
            raise BadInput(f"both {name} and {file_variable} are set: keep one")
        secret = _read_secret(file_variable, folder / Path(path).expanduser())
        if secret:
            layer[name] = (secret, path)
        elif name not in MAY_BE_BLANK:
            raise BadInput(f"{file_variable} names {path}, which is empty")
    return layer


def _read_secret(file_variable: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise BadInput(f"{file_variable} names {path}, which is not there: manage.py setup --env makes it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file_variable} names {path}, which cannot be read: {error}") from error


def read_assignments(env_file: Path) -> dict[str, str]:
    """Return what a ``.env`` file sets, nothing where there is none. Raises: BadInput naming file and line."""
    try:
        with env_file.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{env_file} cannot be read: {error}") from error
    values: dict[str, str] = {}
    for binding in bindings:
        _take(binding, env_file, values)
    return values


def _take(binding: Binding, env_file: Path, values: dict[str, str]) -> None:
    where = f"{env_file} line {_line_of(binding)}"
    if binding.error or (binding.key is not None and binding.value is None):
        raise BadInput(f"{where} is not NAME=value")
    if binding.key is None or binding.value is None:
        return
    if binding.key in values:
        raise BadInput(f"{where} sets {binding.key} a second time")
    _reject_misspelt(binding.key, where)
    values[binding.key] = binding.value


def _line_of(binding: Binding) -> int:
    # the parser hands a statement its leading blank lines
    text = binding.original.string
    return binding.original.line + len(text) - len(text.lstrip("\n"))


def _reject_misspelt(name: str, where: str) -> None:
    if name in VARIABLES or name in SECRET_FILES:
        return
    near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.85)
    if near:
        raise BadInput(f"{where} sets {name}, which is unknown: is {near[0]} meant?")
    if name.startswith("ARB_"):
        raise BadInput(f"{where} sets {name}, which is unknown: .env.example lists every variable")
