"""Values that are used but never shown."""

from dataclasses import dataclass
from urllib.parse import urlsplit


class Secret:
    """A secret text: only ``reveal`` gives it; printing, formatting and pickling it do not."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __deepcopy__(self, memo: dict[int, object]) -> "Secret":
        return self

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key and its secret: always both."""

    key: Secret
    secret: Secret


def password_in(address: str) -> str:
    """Return the password that an address holds; empty where it holds none, or is none."""
    try:
        return urlsplit(address).password or "" if "://" in address else ""
    except ValueError:  # an Apprise address need not be a URL that Python can split
        return ""
