"""The Compose file as Compose reads it: merged, its variables filled in or refused."""

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
COMPOSE = CHECKOUT / "docker-compose.yml"
SECRETS = "/run/secrets/"
_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")
_EXTENSION = "x-"


class NotGiven(Exception):
    """A variable that the file requires is not set; Compose prints the sentence and starts nothing."""


@functools.cache
def written() -> dict[str, Any]:
    """Return the file as it stands, anchors merged."""
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))


def services() -> dict[str, Any]:
    """Return the services as they stand."""
    return written()["services"]


def filled(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the file with the variables of ``given`` in place. Raises: NotGiven, as Compose refuses."""
    whole = {name: part for name, part in written().items() if not name.startswith(_EXTENSION)}
    return _fill(whole, given)


def environment(service: str, given: Mapping[str, str], *, secrets_dir: Path) -> dict[str, str]:
    """Return the environment of a service, its secrets read where the host keeps them instead of in a container."""
    found: dict[str, str] = filled(given)["services"][service]["environment"]
    return {name: value.replace(SECRETS, f"{secrets_dir}/") for name, value in found.items()}


def _fill(part: Any, given: Mapping[str, str]) -> Any:
    if isinstance(part, dict):
        return {name: _fill(value, given) for name, value in part.items()}
    if isinstance(part, list):
        return [_fill(value, given) for value in part]
    return _VARIABLE.sub(lambda found: _value(found, given), part) if isinstance(part, str) else part


def _value(found: re.Match[str], given: Mapping[str, str]) -> str:
    if found[0] == "$$":
        return "$"
    value = given.get(found["name"], "")
    if value or found["kind"] is None:
        return value
    if found["kind"] == "?":
        raise NotGiven(f"{found['name']}: {found['rest']}")
    return found["rest"]
