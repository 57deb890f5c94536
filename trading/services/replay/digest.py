"""The digest: what a run decided, filled and went through, as one SHA-256 that the same data give again anywhere.

Canonical JSON (sorted keys, no blanks) of every opportunity in order, each with its execution's orders, fills and
state events; neither database ids, client ids nor wall times enter.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from domain.money import plain
from domain.scope import Scope
from trading.models import Execution, Fill, Opportunity, Order, StateEvent

Json = dict[str, Any]


def digest_of(scope: Scope) -> str:
    """Return the digest of everything that ``scope`` holds."""
    canonical = json.dumps(story_of(scope), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(canonical.encode()).hexdigest()


def story_of(scope: Scope) -> list[Json]:
    """Return what the digest is taken of: one entry an opportunity, in the order they were committed."""
    executions = {row.opportunity_id: row for row in Execution.objects.in_scope(scope)}
    orders = _grouped(Order.objects.in_scope(scope).order_by("leg", "attempt"), "execution_id")
    fills = _grouped(Fill.objects.in_scope(scope).order_by("id"), "order_id")
    events = _grouped(StateEvent.objects.in_scope(scope).select_related("order").order_by("id"), "execution_id")
    return [
        _decision(row) | _execution(executions.get(row.pk), orders, fills, events)
        for row in Opportunity.objects.in_scope(scope).order_by("id")
    ]


def _grouped(rows: Iterable[Any], key: str) -> Mapping[int, Sequence[Any]]:
    groups: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, key)].append(row)
    return groups


def _decision(row: Opportunity) -> Json:
    return {
        "at": _at(row.timestamp),
        "route": row.route_key,
        "size": plain(row.size),
        "gross_bps": plain(row.gross_edge_bps),
        "net_bps": plain(row.edge_bps),
        "peak_bps": plain(row.peak_edge_bps),
        "closed_at": _at(row.closed_at),
        "costs": row.costs,
        "books": row.books,
        "scores": row.scores,
        "reason": row.reason,
    }


def _execution(
    row: Execution | None,
    orders: Mapping[int, Sequence[Order]],
    fills: Mapping[int, Sequence[Fill]],
    events: Mapping[int, Sequence[StateEvent]],
) -> Json:
    if row is None:
        return {}
    return {
        "state": row.state,
        "settled_at": _at(row.settled_at),
        "net_quote": None if row.net_quote is None else plain(row.net_quote),
        "orders": [_order(order, fills.get(order.pk, ())) for order in orders.get(row.pk, ())],
        "events": [_event(event) for event in events.get(row.pk, ())],
    }


def _order(row: Order, fills: Sequence[Fill]) -> Json:
    return {
        "leg": [row.leg, row.attempt, row.role],
        "market": [row.venue, row.symbol, row.side],
        "quantity": plain(row.quantity),
        "limit": plain(row.limit_price),
        "fills": [
            [plain(fill.price), plain(fill.quantity), plain(fill.fee), fill.fee_asset, _at(fill.filled_at)]
            for fill in fills
        ],
    } | _gas(row)


def _gas(row: Order) -> Json:
    """What a chain took; nothing is said of an order that never met one."""
    if row.gas_amount is None:
        return {}
    return {"gas": [row.gas_asset, plain(row.gas_amount), None if row.gas_quote is None else plain(row.gas_quote)]}


def _event(row: StateEvent) -> Json:
    return {
        "at": _at(row.happened_at),
        "leg": None if row.order is None else [row.order.leg, row.order.attempt],
        "change": [row.from_state, row.event, row.to_state],
        "detail": row.detail,
    }


def _at(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
