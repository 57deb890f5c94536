"""Texts to typed values; what cannot be read is one sentence naming the variable."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from arbsite.config.source import Source
from domain.errors import BadInput
from domain.money import ZERO
from domain.secret import Secret

MOST = Decimal(10) ** 12  # a typed zero too many is likelier than a larger amount, and a money column holds this
DECIMALS = 18

_FLAGS = {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False, "off": False}
_Choice = TypeVar("_Choice", bound=str)


def amount(
    source: Source, name: str, *, least: Decimal = ZERO, most: Decimal | None = None, above: Decimal | None = None
) -> Decimal:
    """Return the decimal that ``name`` holds: one that a money column holds too."""
    value = decimal_of(name, source.get(name))
    if above is not None and value <= above:
        raise BadInput(f"{name} is {value}; it must be above {above}")
    if value < least:
        raise BadInput(f"{name} is {value}; the least is {least}")
    most = MOST if most is None else most
    if value > most:
        raise BadInput(f"{name} is {value}; the most is {most:,f}")
    return value


def share(source: Source, name: str) -> Decimal:
    """Return the share between 0 and 1 that ``name`` holds."""
    return amount(source, name, most=Decimal(1))


def decimal_of(name: str, text: str) -> Decimal:
    """Return ``text`` as a finite decimal."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise BadInput(f"{name} is {text!r}, which is not a number") from None
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise BadInput(f"{name} is {text!r}, which is not a finite number")
    if exponent < -DECIMALS:
        raise BadInput(f"{name} is {text!r}, which has more than {DECIMALS} decimals")
    return value


def whole(source: Source, name: str, *, least: int = 0, most: int = 2**31 - 1) -> int:
    """Return the whole number that ``name`` holds."""
    return whole_of(name, source.get(name), least=least, most=most)


def whole_of(name: str, text: str, *, least: int, most: int) -> int:
    """Return ``text`` as a whole number within bounds."""
    try:
        value = int(text)
    except ValueError:
        raise BadInput(f"{name} is {text!r}, which is not a whole number") from None
    if not least <= value <= most:
        raise BadInput(f"{name} is {value}; it must lie between {least} and {most}")
    return value


def port(source: Source, name: str) -> int | None:
    """Return the port that ``name`` fixes, or None where any will do."""
    text = source.get(name)
    return whole_of(name, text, least=1, most=65535) if text else None


def flag(source: Source, name: str) -> bool:
    """Return the yes or no that ``name`` holds."""
    text = source.get(name)
    if text.lower() not in _FLAGS:
        raise BadInput(f"{name} is {text!r}; it must be yes or no")
    return _FLAGS[text.lower()]


def choice(source: Source, name: str, choices: type[_Choice]) -> _Choice:
    """Return the member of ``choices`` that ``name`` holds."""
    text = source.get(name)
    try:
        return choices(text)
    except ValueError:
        known = ", ".join(choices)  # type: ignore[arg-type]  # a StrEnum class iterates over its members
        raise BadInput(f"{name} is {text!r}; it must be one of {known}") from None


def url(source: Source, name: str, *schemes: str) -> str:
    """Return the address that ``name`` holds, without a trailing slash."""
    text = source.get(name)
    check_url(name, text, *schemes)
    return text.rstrip("/")


def check_url(name: str, text: str, *schemes: str) -> None:
    """Raise BadInput unless ``text`` is an address of one of ``schemes`` with a host. The text is never shown."""
    try:
        parts = urlsplit(text)
        is_sound = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound:
        raise BadInput(f"{name} is not an address like {schemes[0]}://host:port")


def secret(source: Source, name: str) -> Secret | None:
    """Return the secret that ``name`` holds, or None where it is unset."""
    text = source.get(name)
    return Secret(text) if text else None


def words(source: Source, name: str) -> tuple[str, ...]:
    """Return the parts of a list separated by commas."""
    return tuple(part.strip() for part in source.get(name).split(",") if part.strip())


def assignments(source: Source, name: str) -> dict[str, str]:
    """Return ``a=1,b=2`` as a dict."""
    found: dict[str, str] = {}
    for part in words(source, name):
        key, equals, value = part.partition("=")
        if not (key and equals and value) or key in found:
            raise BadInput(f"{name} holds {part!r}; it must be a list of name=value, each name once")
        found[key.strip()] = value.strip()
    return found


def path(source: Source, name: str, *, base: Path, default: Path) -> Path:
    """Return the path that ``name`` holds, relative ones below ``base``."""
    text = source.get(name)
    return (base / Path(text).expanduser()) if text else default
