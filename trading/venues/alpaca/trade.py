"""What Alpaca says of an account and its crypto assets, through alpaca-py; nothing else imports alpaca."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from domain.errors import ArbError, BadInput, BadMarketData, OutcomeUnknown, Refused, Unreachable
from domain.market import Clock
from domain.secret import Credentials
from trading.venues.alpaca import wire
from trading.venues.base import AccountView, Listing

T = TypeVar("T")

RETRYABLE = frozenset({408, 425, 429})
_BROKEN_ANSWER = (LookupError, TypeError, AttributeError, ValueError)  # what alpaca-py raises on odd bodies


class AlpacaAccount:
    """Reads Alpaca's crypto assets and one account."""

    def __init__(self, trading_url: str, keys: Credentials, *, clock: Clock, timeout_s: float = 10.0) -> None:
        self._client = _client(trading_url, keys, timeout_s)
        self._clock = clock

    def listings(self) -> tuple[Listing, ...]:
        """Return every crypto pair of Alpaca that can be read. Raises: Refused, Unreachable."""
        rows = reading(lambda: self._client.get("/assets", {"asset_class": "crypto", "status": "active"}))
        found = tuple(listing for row in rows or () if (listing := _listing(row)) is not None)
        if not found:
            raise Unreachable("Alpaca: /assets names no pair that can be read")
        return found

    def account(self) -> AccountView:
        """Return balances; Alpaca states no fees, so that the dated table holds. Raises: Refused, Unreachable."""
        as_of_ns = self._clock.now_ns()
        balances = reading(lambda: wire.parse_balances(self._client.get_account(), self._client.get_all_positions()))
        return AccountView(
            balances={code: total for code, (total, _) in balances.items()},
            fees=None,
            as_of_ns=as_of_ns,
            held={code: held for code, (_, held) in balances.items() if held},
        )


def _client(trading_url: str, keys: Credentials, timeout_s: float) -> Any:
    from alpaca.trading.client import TradingClient  # late: two CPU seconds and 130 MB that only this adapter needs

    client = TradingClient(keys.key.reveal(), keys.secret.reveal(), raw_data=True, url_override=trading_url)
    client._retry = 0  # it would post again on 429 and 504, and an order that got through would be placed twice
    client._session.request = partial(client._session.request, timeout=timeout_s)  # type: ignore[method-assign]
    return client


def _listing(row: Any) -> Listing | None:
    try:
        return wire.parse_listing(row)
    except (BadMarketData, BadInput):
        return None  # a pair that we cannot read is one that we do not trade


def reading(ask: Callable[[], T]) -> T:
    """Return what ``ask`` returns, a call that changes nothing at the venue. Raises: Refused, Unreachable."""
    from alpaca.common.exceptions import APIError  # late: as above
    from requests import RequestException

    try:
        return ask()
    except (APIError, RequestException, BadMarketData, *_BROKEN_ANSWER) as error:
        raise translated(error, is_read=True) from None


def translated(error: Exception, *, is_read: bool) -> ArbError:
    """Return what an error of alpaca-py means for the caller; a request that may have acted is OutcomeUnknown."""
    status = getattr(error, "status_code", None)
    said = f"Alpaca: {type(error).__name__}: {str(error)[:200]}"
    if status is not None and 400 <= status < 500 and status not in RETRYABLE:
        return Refused(said)
    if is_read or status == 429:
        return Unreachable(said)
    return OutcomeUnknown(said)
