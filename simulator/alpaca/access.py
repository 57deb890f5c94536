"""Who may call Alpaca's REST: two headers, refused as the venue refuses them."""

import hmac

from aiohttp import web

from simulator.accounts import Account, Credential


def refusal(request: web.Request, account: Account, *, anonymous: bool) -> web.Response | None:
    """Return the venue's no, or None where the headers are good, or absent and ``anonymous`` is allowed."""
    key = request.headers.get("APCA-API-KEY-ID")
    secret = request.headers.get("APCA-API-SECRET-KEY")
    if not key and not secret:
        return None if anonymous else web.json_response({"message": "forbidden."}, status=403)
    if authenticate(account, key=key or "", secret=secret or "") is None:
        return web.json_response({"code": 40110000, "message": "request is not authorized"}, status=401)
    return None


def authenticate(account: Account, *, key: str, secret: str) -> Credential | None:
    """Return the credential that ``key`` and ``secret`` are, or None."""
    credential = account.credential(key)
    if credential is None or not hmac.compare_digest(credential.secret.encode(), secret.encode()):
        return None
    return credential


def too_many_requests() -> web.Response:
    """Return Alpaca's 429."""
    return web.json_response({"code": 42910000, "message": "rate limit exceeded"}, status=429)
