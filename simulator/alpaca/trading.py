"""Alpaca's trading REST: the account, its positions, the assets it may trade, the clock."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from aiohttp import web

from domain.market import Pair
from simulator.accounts import Account
from simulator.alpaca.access import refusal
from simulator.instruments import Instrument
from simulator.publication import Publisher

EASTERN = timezone(timedelta(hours=-5))
OPENED_AT = "2026-01-05T14:30:00Z"
CENT = Decimal("0.01")
Body = dict[str, object]
Handler = Callable[[web.Request], Awaitable[web.Response]]


class AlpacaTrading:
    """The trading side of the double."""

    def __init__(self, publisher: Publisher, account: Account) -> None:
        self._publisher = publisher
        self._account = account

    def add_routes(self, app: web.Application) -> None:
        """Serve ``/v2``."""
        for path, handler in (
            ("/v2/account", self._show_account),
            ("/v2/assets", self._list_assets),
            ("/v2/assets/{symbol:.+}", self._show_asset),
            ("/v2/positions", self._list_positions),
            ("/v2/clock", self._show_clock),
            ("/v2/orders", self._list_orders),
        ):
            app.router.add_get(path, self._guarded(handler))

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.Response:
            refused = refusal(request, self._account, anonymous=False)
            return refused if refused is not None else await handler(request)

        return guarded

    async def _show_account(self, _: web.Request) -> web.Response:
        cash = self._account.balances["USD"]
        held = sum((self._worth(pair) for pair in self._held()), Decimal(0))
        return web.json_response(_account_body(cash, held))

    async def _list_assets(self, request: web.Request) -> web.Response:
        if request.query.get("asset_class", "crypto") != "crypto":
            return web.json_response([])
        return web.json_response([asset_body(self._publisher.instrument(pair)) for pair in self._publisher.pairs])

    async def _show_asset(self, request: web.Request) -> web.Response:
        symbol = request.match_info["symbol"]
        for pair in self._publisher.pairs:
            if symbol in (pair.symbol, pair.symbol.replace("/", ""), asset_id(pair)):
                return web.json_response(asset_body(self._publisher.instrument(pair)))
        return web.json_response({"code": 40410000, "message": f"asset not found for {symbol}"}, status=404)

    async def _list_positions(self, _: web.Request) -> web.Response:
        return web.json_response([self._position_body(pair) for pair in self._held()])

    async def _show_clock(self, _: web.Request) -> web.Response:
        now_ns = self._publisher.now_ns()
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).astimezone(EASTERN)
        tomorrow = (now + timedelta(days=1)).replace(hour=9, minute=30, second=0, microsecond=0)
        return web.json_response(
            {
                "timestamp": now.isoformat(),
                "is_open": False,
                "next_open": tomorrow.isoformat(),
                "next_close": tomorrow.replace(hour=16, minute=0).isoformat(),
            }
        )

    async def _list_orders(self, _: web.Request) -> web.Response:
        return web.json_response([])

    def _held(self) -> list[Pair]:
        """Return the pair that each position is valued in."""
        return [pair for pair in self._publisher.pairs if pair.quote.symbol == "USD" and self._is_held(pair)]

    def _is_held(self, pair: Pair) -> bool:
        return bool(self._account.balances.get(pair.base.symbol)) and self._publisher.has_book(pair)

    def _worth(self, pair: Pair) -> Decimal:
        price = self._publisher.book(pair).bids[0].price
        return (self._account.balances[pair.base.symbol] * price).quantize(CENT)

    def _position_body(self, pair: Pair) -> Body:
        quantity, worth = self._account.balances[pair.base.symbol], self._worth(pair)
        opening = Decimal(str(self._publisher.instrument(pair).price_usd))
        cost = (quantity * opening).quantize(CENT)
        return {
            "asset_id": asset_id(pair),
            "symbol": pair.symbol.replace("/", ""),
            "exchange": "CRYPTO",
            "asset_class": "crypto",
            "asset_marginable": False,
            "qty": f"{quantity:f}",
            "qty_available": f"{quantity:f}",
            "side": "long",
            "avg_entry_price": f"{opening:f}",
            "cost_basis": f"{cost:f}",
            "market_value": f"{worth:f}",
            "unrealized_pl": f"{worth - cost:f}",
            "unrealized_plpc": f"{(worth - cost) / cost:.6f}",
            "current_price": f"{self._publisher.book(pair).bids[0].price:f}",
        }


def asset_id(pair: Pair) -> str:
    """Return the stable id of an asset on the double."""
    return str(uuid5(NAMESPACE_URL, f"alpaca:{pair}"))


def asset_body(instrument: Instrument) -> Body:
    """Return one crypto asset of /v2/assets."""
    pair = instrument.pair
    return {
        "id": asset_id(pair),
        "class": "crypto",
        "exchange": "CRYPTO",
        "symbol": pair.symbol,
        "name": f"{pair.base} / {pair.quote}",
        "status": "active",
        "tradable": True,
        "marginable": False,
        "shortable": False,
        "easy_to_borrow": False,
        "fractionable": True,
        "maintenance_margin_requirement": 100,
        "min_order_size": f"{instrument.min_quantity:f}",
        "min_trade_increment": f"{instrument.lot:f}",
        "price_increment": f"{instrument.tick:f}",
        "attributes": [],
    }


def _account_body(cash: Decimal, held: Decimal) -> Body:
    return {
        "id": str(uuid5(NAMESPACE_URL, "alpaca:account")),
        "account_number": "PASIM0000001",
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "cash": f"{cash:.2f}",
        "buying_power": f"{cash:.2f}",
        "non_marginable_buying_power": f"{cash:.2f}",
        "regt_buying_power": f"{cash:.2f}",
        "accrued_fees": "0",
        "portfolio_value": f"{cash + held:.2f}",
        "equity": f"{cash + held:.2f}",
        "last_equity": f"{cash + held:.2f}",
        "long_market_value": f"{held:.2f}",
        "short_market_value": "0",
        "multiplier": "1",
        "initial_margin": "0",
        "maintenance_margin": "0",
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "shorting_enabled": False,
        "created_at": OPENED_AT,
    }
