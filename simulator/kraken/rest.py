"""Kraken's REST answers: public market data, and the account behind signed requests."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from email.utils import format_datetime

from aiohttp import web

from domain.errors import Refused
from domain.market import Level, Pair, Side
from simulator.accounts import Account, Credential
from simulator.faults import Channel
from simulator.instruments import Instrument
from simulator.kraken.auth import Gatekeeper
from simulator.kraken.symbols import PairNames, altname, asset_decimals, asset_id, names_of
from simulator.publication import Publisher, poison_price
from simulator.tape import Candle, Trade

TAKER_PERCENT = "0.4000"
MAKER_PERCENT = "0.2500"
DEPTH_QUANTITY = Decimal("0.001")  # REST depth shows three decimals
DEPTH_DEFAULT = 100
INVALID_PAIR = "EQuery:Unknown asset pair"
Result = Mapping[str, object]


class KrakenRest:
    """The REST side of the double."""

    def __init__(self, publisher: Publisher, account: Account) -> None:
        self._publisher = publisher
        self._account = account
        self._gatekeeper = Gatekeeper(account)
        self._names = {name: names for names in map(names_of, publisher.pairs) for name in names.all}
        self._public: dict[str, Callable[[Mapping[str, str]], Result]] = {
            "Time": self._time,
            "SystemStatus": self._system_status,
            "Assets": self._assets,
            "AssetPairs": self._asset_pairs,
            "Depth": self._depth,
            "Ticker": self._ticker,
            "Trades": self._trades,
            "OHLC": self._ohlc,
        }
        self._private: dict[str, Callable[[Mapping[str, str], Credential], Result]] = {
            "Balance": self._balance,
            "BalanceEx": self._extended_balance,
            "TradeVolume": self._trade_volume,
            "OpenOrders": lambda _fields, _who: {"open": {}},
            "ClosedOrders": lambda _fields, _who: {"closed": {}, "count": 0},
            "TradesHistory": lambda _fields, _who: {"trades": {}, "count": 0},
            "GetApiKeyInfo": self._api_key_info,
        }

    def add_routes(self, app: web.Application) -> None:
        """Serve ``/0/public`` and ``/0/private``."""
        app.router.add_route("*", "/0/public/{method}", self._answer_public)
        app.router.add_post("/0/private/{method}", self._answer_private)

    async def _answer_public(self, request: web.Request) -> web.Response:
        answer = self._public.get(request.match_info["method"])
        if answer is None:
            return _errors("EGeneral:Unknown method")
        try:
            return _result(answer(request.query))
        except Refused as refused:
            return _errors(str(refused))

    async def _answer_private(self, request: web.Request) -> web.Response:
        answer = self._private.get(request.match_info["method"])
        if answer is None:
            return _errors("EGeneral:Unknown method")
        try:
            credential = self._gatekeeper.admit(
                path=request.path,
                key=request.headers.get("API-Key", ""),
                signature=request.headers.get("API-Sign", ""),
                body=await request.text(),
            )
            fields = {name: str(value) for name, value in (await request.post()).items()}
            return _result(answer(fields, credential))
        except Refused as refused:
            return _errors(str(refused))

    def _time(self, _: Mapping[str, str]) -> Result:
        now_s = self._publisher.now_ns() // 10**9
        return {"unixtime": now_s, "rfc1123": format_datetime(datetime.fromtimestamp(now_s, UTC))}

    def _system_status(self, _: Mapping[str, str]) -> Result:
        at = datetime.fromtimestamp(self._publisher.now_ns() // 10**9, UTC)
        return {"status": "online", "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}"}

    def _assets(self, _: Mapping[str, str]) -> Result:
        symbols = {asset.symbol: None for pair in self._publisher.pairs for asset in (pair.base, pair.quote)}
        return {asset_id(symbol): asset_body(symbol) for symbol in symbols}

    def _asset_pairs(self, query: Mapping[str, str]) -> Result:
        wanted = [self._named(name) for name in query["pair"].split(",")] if query.get("pair") else None
        chosen = wanted or [names_of(pair) for pair in self._publisher.pairs]
        return {names.rest_id: asset_pair_body(names, self._publisher.instrument(names.pair)) for names in chosen}

    def _depth(self, query: Mapping[str, str]) -> Result:
        names = self._named(query.get("pair", ""))
        count = _whole(query, "count", DEPTH_DEFAULT)
        book = self._publisher.book(names.pair)
        at_s = book.venue_at_ns // 10**9
        poison = poison_price(self._publisher.board, self._publisher.venue, Channel.REST)
        asks = book.asks if poison is None else (Level(poison, book.asks[0].quantity), *book.asks)
        return {
            names.rest_id: {
                "asks": [_depth_row(level, at_s) for level in asks[:count]],
                "bids": [_depth_row(level, at_s) for level in book.bids[:count]],
            }
        }

    def _ticker(self, query: Mapping[str, str]) -> Result:
        wanted = [self._named(name) for name in query["pair"].split(",")] if query.get("pair") else None
        chosen = wanted or [names_of(pair) for pair in self._publisher.pairs]
        return {names.rest_id: self._ticker_of(names.pair) for names in chosen}

    def _ticker_of(self, pair: Pair) -> Result:
        book = self._publisher.book(pair)
        candles = self._publisher.market.tape(self._publisher.key(pair)).candles()
        volume = sum((candle.volume for candle in candles), Decimal(0))
        last, mean = candles[-1].close, (book.asks[0].price + book.bids[0].price) / 2
        high, low = max(candle.high for candle in candles), min(candle.low for candle in candles)
        trades = sum(candle.trades for candle in candles)
        return {
            "a": [f"{book.asks[0].price:f}", "1", f"{book.asks[0].quantity:f}"],
            "b": [f"{book.bids[0].price:f}", "1", f"{book.bids[0].quantity:f}"],
            "c": [f"{last:f}", "0.00100000"],
            "v": [f"{volume:f}"] * 2,
            "p": [f"{mean:f}"] * 2,
            "t": [trades] * 2,
            "l": [f"{low:f}"] * 2,
            "h": [f"{high:f}"] * 2,
            "o": f"{candles[0].open:f}",
        }

    def _trades(self, query: Mapping[str, str]) -> Result:
        names = self._named(query.get("pair", ""))
        trades = self._publisher.market.tape(self._publisher.key(names.pair)).trades()
        last_ns = trades[-1].at_ns if trades else self._publisher.now_ns()
        return {names.rest_id: [_trade_row(trade) for trade in trades], "last": str(last_ns)}

    def _ohlc(self, query: Mapping[str, str]) -> Result:
        names = self._named(query.get("pair", ""))
        if query.get("interval", "1") != "1":
            raise Refused("EGeneral:Invalid arguments:interval")
        since_s = _whole(query, "since", 0)
        candles = self._publisher.market.tape(self._publisher.key(names.pair)).candles()[-720:]
        rows = [_candle_row(candle) for candle in candles if candle.opened_at_ns // 10**9 > since_s]
        return {names.rest_id: rows, "last": candles[-1].opened_at_ns // 10**9}

    def _balance(self, _: Mapping[str, str], __: Credential) -> Result:
        return {asset_id(symbol): _amount(symbol, held) for symbol, held in self._account.balances.items()}

    def _extended_balance(self, _: Mapping[str, str], __: Credential) -> Result:
        return {
            asset_id(symbol): {"balance": _amount(symbol, held), "hold_trade": _amount(symbol, Decimal(0))}
            for symbol, held in self._account.balances.items()
        }

    def _trade_volume(self, fields: Mapping[str, str], _: Credential) -> Result:
        asked = [name for name in fields.get("pair", "").split(",") if name]
        names = [self._named(name) for name in asked]
        fees = {
            "fees": {one.rest_id: _fee(TAKER_PERCENT, "0.3500") for one in names},
            "fees_maker": {one.rest_id: _fee(MAKER_PERCENT, "0.2000") for one in names},
        }
        return {"currency": "ZUSD", "volume": "0.0000", **(fees if names else {})}

    def _api_key_info(self, _: Mapping[str, str], credential: Credential) -> Result:
        return {
            "api_key_name": credential.key.lower(),
            "api_key": credential.key,
            "nonce_window": "0",
            "permissions": list(credential.permissions),
            "valid_until": "0",
            "ip_allowlist": [],
        }

    def _named(self, name: str) -> PairNames:
        try:
            return self._names[name]
        except KeyError:
            raise Refused(INVALID_PAIR) from None


def too_many_requests() -> web.Response:
    """Return the 429 of the edge in front of Kraken, which is not JSON."""
    return web.Response(status=429, text="error code: 1015")


def _result(result: Result) -> web.Response:
    return web.Response(text=json.dumps({"error": [], "result": result}), content_type="application/json")


def _errors(*errors: str) -> web.Response:
    return web.json_response({"error": list(errors)})


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    given = query.get(name, str(default))
    if not given.isdecimal():
        raise Refused(f"EGeneral:Invalid arguments:{name}")
    return int(given)


def asset_body(symbol: str) -> Result:
    """Return one asset of Assets."""
    return {
        "aclass": "currency",
        "altname": altname(symbol),
        "decimals": asset_decimals(symbol),
        "display_decimals": 5 if symbol != "USD" else 2,
        "status": "enabled",
    }


def asset_pair_body(names: PairNames, instrument: Instrument) -> Result:
    """Return one pair of AssetPairs."""
    return {
        "altname": names.altname,
        "wsname": names.wsname,
        "aclass_base": "currency",
        "base": asset_id(names.pair.base.symbol),
        "aclass_quote": "currency",
        "quote": asset_id(names.pair.quote.symbol),
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": instrument.price_decimals,
        "lot_decimals": instrument.lot_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [],  # empty on the real venue too, since September 2026
        "fees_maker": [],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": f"{instrument.min_quantity:f}",
        "costmin": "0.5",
        "tick_size": f"{instrument.tick:f}",
        "status": "online",
    }


def _depth_row(level: Level, at_s: int) -> list[object]:
    quantity = level.quantity.quantize(DEPTH_QUANTITY, ROUND_FLOOR)
    return [f"{level.price:f}", f"{quantity:f}", at_s]


def _trade_row(trade: Trade) -> list[object]:
    side = "b" if trade.side is Side.BUY else "s"
    return [f"{trade.price:f}", f"{trade.quantity:f}", trade.at_ns / 1e9, side, "m", "", trade.trade_id]


def _candle_row(candle: Candle) -> list[object]:
    prices = [f"{price:f}" for price in (candle.open, candle.high, candle.low, candle.close, candle.close)]
    return [candle.opened_at_ns // 10**9, *prices, f"{candle.volume:f}", candle.trades]


def _amount(symbol: str, amount: Decimal) -> str:
    return f"{amount:.{asset_decimals(symbol)}f}"


def _fee(percent: str, next_percent: str) -> Result:
    return {
        "fee": percent,
        "minfee": "0.0800",
        "maxfee": percent,
        "nextfee": next_percent,
        "nextvolume": "10000.0000",
        "tiervolume": "0.0000",
    }
