"""Alpaca's market-data REST: latest order books, quotes, trades and bars, and bars over time."""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web

from domain.errors import Refused
from domain.market import Pair
from simulator.accounts import Account
from simulator.alpaca import wire
from simulator.alpaca.access import refusal
from simulator.faults import Channel
from simulator.publication import Publisher, poison_price
from simulator.tape import Candle, Tape

LOCATION = "us"  # "us-1" is another venue's data on the real service, and is not served here
MINUTES = {"Min": 1, "T": 1, "Hour": 60, "H": 60, "Day": 1440, "D": 1440}
BARS_LIMIT = 1000
Handler = Callable[[web.Request], Awaitable[web.Response]]


class AlpacaData:
    """The market-data side of the double."""

    def __init__(self, publisher: Publisher, account: Account) -> None:
        self._publisher = publisher
        self._account = account
        self._pairs = {pair.symbol: pair for pair in publisher.pairs}

    def add_routes(self, app: web.Application) -> None:
        """Serve ``/v1beta3/crypto``."""
        for path, handler in (
            ("latest/orderbooks", self._latest("orderbooks", self._book)),
            ("latest/quotes", self._latest("quotes", self._quote)),
            ("latest/trades", self._latest("trades", self._trade)),
            ("latest/bars", self._latest("bars", self._latest_bar)),
            ("bars", self._bars),
        ):
            app.router.add_get(f"/v1beta3/crypto/{{location}}/{path}", self._guarded(handler))

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.Response:
            refused = refusal(request, self._account, anonymous=True)
            if refused is not None:
                return refused
            try:
                return await handler(request)
            except Refused as wrong:
                return web.json_response({"message": str(wrong)}, status=400)

        return guarded

    def _latest(self, name: str, body: Callable[[Pair], wire.Message | None]) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            bodies = {pair.symbol: body(pair) for pair in filter(self._publisher.has_book, self._wanted(request))}
            return _json({name: {symbol: found for symbol, found in bodies.items() if found is not None}})

        return answer

    async def _bars(self, request: web.Request) -> web.Response:
        minutes = _minutes(request.query.get("timeframe", ""))
        limit = _limit(request.query.get("limit", str(BARS_LIMIT)))
        begin_ns, end_ns = (_instant_ns(request.query.get(name)) for name in ("start", "end"))
        found = {}
        for pair in self._wanted(request):
            chosen = [candle for candle in self._tape(pair).candles() if _is_within(candle, begin_ns, end_ns)]
            found[pair.symbol] = wire.bars(chosen, minutes=minutes)[:limit]
        return _json({"bars": found, "next_page_token": None})

    def _book(self, pair: Pair) -> wire.Message:
        poison = poison_price(self._publisher.board, self._publisher.venue, Channel.REST)
        return wire.book_body(self._publisher.book(pair), poison=poison)

    def _quote(self, pair: Pair) -> wire.Message:
        return wire.quote_body(self._publisher.book(pair))

    def _trade(self, pair: Pair) -> wire.Message | None:
        trades = self._tape(pair).trades()
        return wire.trade_body(trades[-1]) if trades else None

    def _latest_bar(self, pair: Pair) -> wire.Message:
        return wire.bar_body(self._tape(pair).candles()[-1:])

    def _tape(self, pair: Pair) -> Tape:
        return self._publisher.market.tape(self._publisher.key(pair))

    def _wanted(self, request: web.Request) -> list[Pair]:
        if request.match_info["location"] != LOCATION:
            raise Refused(f"invalid location: {request.match_info['location']}")
        symbols = [symbol for symbol in request.query.get("symbols", "").split(",") if symbol]
        if not symbols:
            raise Refused("symbols is required")
        return [self._listed(symbol) for symbol in symbols]

    def _listed(self, symbol: str) -> Pair:
        try:
            return self._pairs[symbol]
        except KeyError:
            raise Refused(f"invalid symbol: {symbol}") from None


def _json(body: wire.Message) -> web.Response:
    return web.Response(text=json.dumps(body, default=_rfc3339), content_type="application/json")


def _rfc3339(value: object) -> str:
    assert isinstance(value, wire.Instant)
    return value.rfc3339()


def _minutes(timeframe: str) -> int:
    found = re.fullmatch(r"(\d{1,2})(Min|T|Hour|H|Day|D)", timeframe)
    if found is None or int(found[1]) == 0:
        raise Refused(f"invalid timeframe: {timeframe}")
    return int(found[1]) * MINUTES[found[2]]


def _limit(given: str) -> int:
    if not given.isdecimal() or int(given) == 0:
        raise Refused(f"invalid limit: {given}")
    return int(given)


def _instant_ns(given: str | None) -> int | None:
    if not given:
        return None
    try:
        return int(datetime.fromisoformat(given).timestamp()) * 10**9
    except ValueError:
        raise Refused(f"invalid time: {given}") from None


def _is_within(candle: Candle, begin_ns: int | None, end_ns: int | None) -> bool:
    opened_at_ns = candle.opened_at_ns
    return (begin_ns is None or opened_at_ns >= begin_ns) and (end_ns is None or opened_at_ns <= end_ns)
