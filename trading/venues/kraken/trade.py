"""What Kraken says of an account and its markets, through ccxt; nothing else imports ccxt."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from domain.costs import FeeSchedule
from domain.errors import ArbError, BadInput, BadMarketData, OutcomeUnknown, Refused, Unreachable
from domain.market import Clock, Pair
from domain.secret import Credentials
from trading.venues.base import AccountView, Listing
from trading.venues.kraken import wire

T = TypeVar("T")

_BROKEN_ANSWER = (LookupError, TypeError, AttributeError, ValueError)  # what ccxt raises on bodies it did not expect
_IN_WORDS = {"NetworkError": "no connection", "RequestTimeout": "no answer in time"}  # by ccxt's names


class KrakenAccount:
    """Reads Kraken's markets and, with a key, one account. One process owns a key: its nonces must only rise."""

    def __init__(
        self, rest_url: str, keys: Credentials | None, pairs: Sequence[Pair], *, clock: Clock, timeout_s: float = 10.0
    ) -> None:
        self._client = _client(rest_url, keys, timeout_s)
        self._has_key = keys is not None
        self._pairs = tuple(pairs)
        self._clock = clock

    def listings(self) -> tuple[Listing, ...]:
        """Return every spot pair of Kraken that can be read. Raises: Refused, Unreachable."""
        markets = reading(lambda: self._client.load_markets(True))
        found = tuple(listing for market in markets.values() if (listing := _listing(market)) is not None)
        if not found:
            raise Unreachable("Kraken: AssetPairs names no pair that can be read")
        return found

    def account(self) -> AccountView:
        """Return balances and the fees that the account itself pays. Raises: Refused, Unreachable."""
        if not self._has_key:
            raise Refused("Kraken's balances need a key: set KRAKEN_READ_API_KEY and KRAKEN_READ_API_SECRET")
        as_of_ns = self._clock.now_ns()
        holdings = reading(lambda: wire.parse_balances(_result(self._client.privatePostBalanceEx())))
        return AccountView(
            balances={code: holding.total for code, holding in holdings.items()},
            fees=self._fees(),
            as_of_ns=as_of_ns,
            held={code: holding.held for code, holding in holdings.items() if holding.held},
        )

    def _fees(self) -> FeeSchedule | None:
        """Return the highest fees over our pairs; None where Kraken lists none, for ccxt would then guess."""
        request = {"pair": ",".join(wire.rest_symbol(pair) for pair in self._pairs)}
        maker, taker = reading(lambda: wire.parse_fees(_result(self._client.privatePostTradeVolume(request))))
        if taker is None:
            return None
        try:
            return FeeSchedule(taker if maker is None else maker, taker, source="Kraken TradeVolume")
        except BadInput as error:
            raise Unreachable(f"Kraken TradeVolume cannot be believed: {error}") from None


def _client(rest_url: str, keys: Credentials | None, timeout_s: float) -> Any:
    import ccxt  # late: two CPU seconds and 90 MB that only this adapter needs

    client = ccxt.kraken({"timeout": int(timeout_s * 1000), "enableRateLimit": True})
    client.urls["api"] = {**client.urls["api"], "public": rest_url, "private": rest_url}
    client.logger.setLevel("WARNING")  # its debug lines show signed headers
    if keys is not None:
        client.apiKey, client.secret = keys.key.reveal(), keys.secret.reveal()
    return client


def _listing(market: Mapping[str, Any]) -> Listing | None:
    try:
        return wire.parse_listing(market["info"])
    except (BadMarketData, BadInput):
        return None  # a pair that we cannot read is one that we do not trade


def _result(answer: object) -> Any:
    if not isinstance(answer, dict):
        raise BadMarketData("malformed", "a REST answer that is not an object")
    return answer.get("result")


def reading(ask: Callable[[], T]) -> T:
    """Return what ``ask`` returns, a call that changes nothing at the venue. Raises: Refused, Unreachable."""
    import ccxt  # late: as above

    try:
        return ask()
    except (ccxt.BaseError, BadMarketData, *_BROKEN_ANSWER) as error:
        raise translated(error, is_read=True) from None


def translated(error: Exception, *, is_read: bool) -> ArbError:
    """Return what an error of ccxt means for the caller; a request that may have acted is OutcomeUnknown.

    The text leaves out the request that ccxt's errors are chained to: its headers are signed.
    """
    import ccxt  # late: as above

    name = type(error).__name__
    said = f"Kraken: {_IN_WORDS.get(name, name)}: {str(error).removeprefix('kraken ')[:200]}"
    if isinstance(error, ccxt.ExchangeError):
        return Refused(said)
    if is_read or isinstance(error, ccxt.DDoSProtection | ccxt.RateLimitExceeded | ccxt.InvalidNonce):
        return Unreachable(said)
    return OutcomeUnknown(said)
