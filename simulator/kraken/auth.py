"""Signed requests as Kraken checks them: the key, the signature, a nonce that only rises."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qs

from domain.errors import Refused
from simulator.accounts import Account, Credential


class Gatekeeper:
    """Admits signed requests to one account and remembers the last nonce of each key."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._last_nonces: dict[str, int] = {}

    def admit(self, *, path: str, key: str, signature: str, body: str) -> Credential:
        """Return whose request this is. Raises: Refused with Kraken's own error text."""
        credential = self._account.credential(key)
        if credential is None:
            raise Refused("EAPI:Invalid key")
        nonce = parse_qs(body).get("nonce", [""])[0]
        if not hmac.compare_digest(signature, sign(path, nonce=nonce, body=body, secret=credential.secret)):
            raise Refused("EAPI:Invalid signature")
        if not nonce.isdecimal() or int(nonce) <= self._last_nonces.get(key, 0):
            raise Refused("EAPI:Invalid nonce")
        self._last_nonces[key] = int(nonce)
        return credential


def sign(path: str, *, nonce: str, body: str, secret: str) -> str:
    """Return the API-Sign of a request.

    Source: Kraken REST authentication: HMAC-SHA512 of path + SHA256(nonce + body), keyed with the decoded secret.
    """
    digest = hashlib.sha256((nonce + body).encode()).digest()
    mac = hmac.new(base64.b64decode(secret), path.encode() + digest, hashlib.sha512)
    return base64.b64encode(mac.digest()).decode()
