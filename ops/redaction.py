"""Takes secrets out of whatever is about to be shown: by name, by value, and by shape."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "[redacted]"

_NAME = (
    r"(?:[\w-]*(?:secret|passw(?:or)?d|passphrase|api[-_]?key|api[-_]?sign|private[-_]?key|signing[-_]?key|signature"
    r"|mnemonic|credential|authorization|cookie|bearer)[\w-]*|(?:\w+[-_])?token|keystore|csrfmiddlewaretoken|otp)"
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
# These hold public digests; a private key under one of them is still caught by its value.
_DIGEST_NAME = re.compile(r"(?:\w+_)?(?:hash|digest|sha256|commit)", re.IGNORECASE)
_DIGEST = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
_SHAPES = (
    # name=value in URLs, headers, reprs and JSON; a scheme word such as Basic or Bearer goes with its value
    (
        re.compile(rf"(?i)(\b{_NAME}['\"]?\s*[:=]\s*(?:[bu]?['\"])?)((?:basic|bearer)\s+)?[^\s'\"&,;}})\]]+"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(basic|bearer)\s+[\w.+/=~-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(://[^\s/:@'\"]*:)[^\s/@'\"]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?<![0-9a-fA-F])(?:0x)?[0-9a-fA-F]{64,}(?![0-9a-fA-F])"), HIDDEN),
    (re.compile(r"[A-Za-z0-9+/]{80,}={0,2}|[A-Za-z0-9_-]{80,}={0,2}"), HIDDEN),
)
_SHORTEST = 6  # a shorter known value would blot out ordinary words
_DEEPEST = 8


class Redactor:
    """Hides the secrets it knows by value, and everything that is named or shaped like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __repr__(self) -> str:
        return "Redactor()"

    def text(self, text: str) -> str:
        """Return ``text`` without secrets."""
        hidden = self._known.sub(HIDDEN, text) if self._known else text
        for shape, replacement in _SHAPES:
            hidden = shape.sub(replacement, hidden)
        return hidden

    def value(self, name: str, value: Any, depth: int = 0) -> Any:
        """Return ``value``, which stands under ``name``, as plain JSON values without secrets."""
        if _SECRET_NAME.fullmatch(name):
            return HIDDEN
        if value is None or isinstance(value, bool | int | float | Decimal):
            return value
        if depth < _DEEPEST and isinstance(value, Mapping):
            return {self.text(str(key)): self.value(str(key), item, depth + 1) for key, item in value.items()}
        if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
            return [self.value("", item, depth + 1) for item in value]
        return self._leaf(name, value)

    def _leaf(self, name: str, value: Any) -> str:
        text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
        if _DIGEST_NAME.fullmatch(name) and _DIGEST.fullmatch(text):
            return self._known.sub(HIDDEN, text) if self._known else text
        return self.text(text)


_installed = [Redactor()]  # one, replaced whole


def install(secrets: Iterable[str]) -> None:
    """Let this process know its secrets by value."""
    _installed[0] = Redactor(secrets)


def redact(text: str) -> str:
    """Return ``text`` without the secrets that this process knows or recognises."""
    return _installed[0].text(text)


def redact_value(name: str, value: Any) -> Any:
    """Return ``value`` as plain JSON values without the secrets that this process knows or recognises."""
    return _installed[0].value(name, value)


def _forms(secret: str) -> set[str]:
    # a repr escapes, a URL quotes, bytes turn to hex
    return {secret, quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1], secret.encode().hex()}
