"""Sound rows of every trading table, each with the parents it needs; a test changes what it is about."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.fakes import book
from trading.market_json import market_to_json
from trading.models import (
    BacktestReport,
    Balance,
    EdgeObservation,
    EvaluationCount,
    Execution,
    ExecutionLog,
    Fill,
    FillObservation,
    KeptHour,
    LedgerEntry,
    MarketSnapshot,
    MarketVolatility,
    OfferedEdge,
    OpenEpisode,
    Opportunity,
    Order,
    PriceBar,
    Reconciliation,
    RecordedHour,
    RecordedPage,
    Recording,
    ReferenceFact,
    Run,
    StateEvent,
)

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
SCOPE = {"mode": "sim", "run_id": ""}
ROUTE = "a:BTC/USD>b:BTC/USD"
BOOKS = [market_to_json(book("a", "99.9", "100")), market_to_json(book("b", "101", "101.1"))]
SUMS = ("edge_bps_sum", "gross_edge_bps_sum", "notional_usd", "profit_quote", "profit_usd")
_numbers = itertools.count(1)


def make(model: type[Any], **changes: Any) -> Any:
    """Return a stored row of ``model``: sound, unlike any before, and with ``changes``."""
    return model.objects.create(**SCOPE | SOUND[model]() | changes)


def _opportunity() -> dict[str, Any]:
    return {
        "timestamp": NOW,
        "route_key": ROUTE,
        "symbol": "BTC/USD",
        "buy_venue": "a",
        "sell_venue": "b",
        "size": Decimal(1),
        "notional_usd": Decimal(100),
        "edge_bps": Decimal("79.9"),
        "gross_edge_bps": Decimal(100),
        "peak_edge_bps": Decimal(80),
        "books": BOOKS,
        "costs": [{"kind": "fee", "asset": "USD", "amount": "0.1", "usd": "0.1", "source": "table"}],
        "gates": [{"gate": "exposure", "passed": True, "detail": "100 of 1000 USD"}],
        "features": {"net_bps": 79.9, "volatility_1h": None},
        "scores": {"abstained": "no_model"},
    }


def _execution() -> dict[str, Any]:
    opportunity = make(Opportunity)
    return {
        "opportunity": opportunity,
        "opportunity_at": opportunity.timestamp,
        "reservation_id": next(_numbers),
        "route_key": ROUTE,
        "symbol": "BTC/USD",
        "quote_asset": "USD",
        "decided_at": NOW,
        "notional_usd": Decimal(100),
        "dust_quantity": Decimal("0.0001"),
        "planned_gross_quote": Decimal(1),
        "planned_net_quote": Decimal("0.8"),
    }


def _order() -> dict[str, Any]:
    return {
        "execution": make(Execution),
        "leg": 0,
        "venue": "a",
        "symbol": "BTC/USD",
        "side": "buy",
        "quantity": Decimal(1),
        "limit_price": Decimal("100.5"),
        "quantity_step": Decimal("0.0001"),
        "price_tick": Decimal("0.01"),
        "client_id": f"client-{next(_numbers)}",
    }


def _fill() -> dict[str, Any]:
    return {
        "order": make(Order),
        "venue": "a",
        "trade_id": f"trade-{next(_numbers)}",
        "price": Decimal(100),
        "quantity": Decimal(1),
        "fee_asset": "USD",
        "fee": Decimal("0.1"),
        "filled_at": NOW,
    }


def _entry() -> dict[str, Any]:
    fill = make(Fill)
    return {
        "execution": fill.order.execution,
        "fill": fill,
        "account": "venue:a",
        "asset": "USD",
        "amount": Decimal(-100),
        "recorded_at": NOW,
    }


def _event() -> dict[str, Any]:
    order = make(Order)
    return {
        "execution": order.execution,
        "order": order,
        "event": "prepare",
        "from_state": "planned",
        "to_state": "prepared",
        "happened_at": NOW,
    }


def _market() -> dict[str, Any]:
    return {"timestamp": NOW, "venue": "a", "symbol": "BTC/USD"}


SOUND: dict[type[Any], Callable[[], dict[str, Any]]] = {
    BacktestReport: lambda: {"backtest": make(Run), "created_at": NOW, "figures": {}},
    Balance: lambda: {"venue": "a", "asset": f"A{next(_numbers)}", "amount": Decimal(-1)},
    EdgeObservation: lambda: {"timestamp": NOW, "opportunity_id": 1, "offset_ms": 100, "net_bps": Decimal(3)},
    EvaluationCount: lambda: {
        "hour": NOW,
        "route_key": ROUTE,
        "stage": "cost",
        "reason": f"reason_{next(_numbers)}",
        "count": 7,
    },
    Execution: _execution,
    ExecutionLog: lambda: {
        "timestamp": NOW,
        "execution_id": 1,
        "symbol": "BTC/USD",
        "route_key": ROUTE,
        "state": "settled",
        "success": True,
        "profit_usd": Decimal("0.8"),
        "fees_usd": Decimal("0.2"),
    },
    Fill: _fill,
    FillObservation: lambda: {"order": make(Order), "venue": "a", "symbol": "BTC/USD", "due_at": NOW},
    KeptHour: lambda: {
        "first_id": 1,
        "hour": NOW,
        "symbol": f"A{next(_numbers)}/USD",
        "opportunities": 2,
        "executed": 1,
        "profitable": 1,
        **dict.fromkeys(SUMS, Decimal(1)),
    },
    LedgerEntry: _entry,
    MarketSnapshot: lambda: _market() | {"bid": Decimal(100), "ask": Decimal(101)},
    MarketVolatility: lambda: _market() | {"volatility_1h": 0.5},
    OfferedEdge: lambda: {"hour": NOW, "route_key": ROUTE, "tenth_bps": next(_numbers), "count": 60},
    OpenEpisode: lambda: {
        "route_key": f"{ROUTE}#{next(_numbers)}",
        "opportunity_id": 1,
        "opportunity_at": NOW,
        "last_seen_at": NOW,
    },
    Opportunity: _opportunity,
    Order: _order,
    PriceBar: lambda: (
        _market()
        | {
            "venue": f"v{next(_numbers)}",
            **dict.fromkeys(("open", "high", "low", "close"), Decimal(100)),
            "source": PriceBar.SOURCES.BOOKS,
            "written_at": NOW,
        }
    ),
    Reconciliation: lambda: {"timestamp": NOW, "differences": 0},
    RecordedHour: lambda: {"hour": NOW, "venue": f"v{next(_numbers)}", "updates": 3},
    RecordedPage: lambda: {
        "recording": make(Recording),
        "number": 1,
        "first_at": NOW,
        "last_at": NOW,
        "updates": 3,
        "payload": b"page",
    },
    Recording: lambda: {"process": "collect", "started_at": NOW, "heartbeat_at": NOW},
    ReferenceFact: lambda: {
        "kind": "market",
        "subject": f"a:A{next(_numbers)}/USD",
        "stated": {"step": "0.1"},
        "source": "a listings",
        "valid_from": NOW,
        "confirmed_at": NOW,
    },
    Run: lambda: {"run_id": f"run-{next(_numbers)}", "command": "replay", "started_at": NOW},
    StateEvent: _event,
}
