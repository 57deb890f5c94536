"""A healthy system in rows: a week of it, the last day densely, so that every panel has something to show.

The figures are made up, the same at every call; nothing here ever touches a database that trades.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from arbsite.dashboards.surroundings import (
    SCOPE,
    SYMBOLS,
    VENUES,
    seed_looks,
    seed_market,
    seed_models,
    seed_risk,
    seed_system,
)
from domain.execution import ExecutionState, LegState
from domain.scores import ModelName
from mlops.models import Sample, SampleKind
from risk.models import EquityMark, Outcome, Reservation
from trading.models import EdgeObservation, Execution, ExecutionLog, Opportunity, Order

NOTIONAL_USD = Decimal(2_000)
SIZE = Decimal("0.04")
CAPITAL_USD = Decimal(10_000)
ENDING = tuple(f"{name}_quote" for name in ("gross", "fees", "gas", "slippage", "unwind", "net"))
OFFSETS_MS = (100, 250, 500, 1000, 3000)


def seed_healthy(now: datetime) -> None:
    """Write a healthy week that ends at ``now``, in the caller's transaction."""
    opportunities = Opportunity.objects.bulk_create(_opportunities(now))
    traded = [one for one in opportunities if one.executed]
    _seed_trades(traded)
    _under_way(next(one for one in reversed(opportunities) if not one.executed)).save()
    _seed_samples(opportunities, now)
    seed_looks(now)
    seed_market(now)
    seed_risk(now)
    seed_models(now)
    seed_system(now)
    EdgeObservation.objects.bulk_create(_decays(opportunities))


def _instants(now: datetime) -> Iterator[datetime]:
    """Yield the openings of episodes: every four hours of a week, then every twelve minutes of a day."""
    yield from (now - timedelta(days=1, hours=4 * step) for step in range(36, 0, -1))
    yield from (now - timedelta(minutes=12 * step) for step in range(120, 0, -1))


def _opportunities(now: datetime) -> list[Opportunity]:
    chance = random.Random(20)
    return [_opportunity(number, at, chance) for number, at in enumerate(_instants(now))]


def _opportunity(number: int, at: datetime, chance: random.Random) -> Opportunity:
    buy, sell = VENUES if number % 3 else VENUES[::-1]
    symbol = SYMBOLS[number % 2]
    edge_bps = Decimal(round(chance.uniform(12, 55), 2)).quantize(Decimal("0.01"))
    is_traded, is_win = number % 4 == 0, chance.random() < 0.61
    profit = Decimal(9 if is_win else -5) + number % 3
    return Opportunity(
        **SCOPE.columns,
        timestamp=at,
        closed_at=at + timedelta(seconds=2),
        correlation_id=f"seed-{number}",
        route_key=f"{buy}:{symbol}>{sell}:{symbol}",
        symbol=symbol,
        buy_venue=buy,
        sell_venue=sell,
        size=SIZE,
        notional_usd=NOTIONAL_USD,
        edge_bps=edge_bps,
        gross_edge_bps=edge_bps + 65,
        peak_edge_bps=edge_bps + 3,
        costs=[{"kind": "fee", "asset": "USD", "amount": "13", "usd": "13", "source": "table"}],
        reason="" if is_traded else ("score_unlikely", "max_open_executions", "below_ladder")[number % 3],
        executed=is_traded,
        profitable=profit > 0 if is_traded else None,
        profit_quote=profit if is_traded else None,
        profit_usd=profit if is_traded else None,
    )


def _seed_trades(traded: list[Opportunity]) -> None:
    executions = Execution.objects.bulk_create(_execution(one) for one in traded)
    orders = [_order(execution, leg) for execution in executions for leg in (0, 1)]
    Order.objects.bulk_create(orders)
    ExecutionLog.objects.bulk_create(_log(one) for one in executions)
    Outcome.objects.bulk_create(_outcome(one) for one in executions)
    Reservation.objects.bulk_create(_reservation(one) for one in executions)
    equity_usd = CAPITAL_USD
    marks = []
    for one in executions:
        equity_usd += _net_usd(one)
        marks.append(EquityMark(**SCOPE.columns, timestamp=_settled_at(one), equity_usd=equity_usd))
    EquityMark.objects.bulk_create(marks)


def _execution(one: Opportunity) -> Execution:
    profit = one.profit_usd or Decimal(0)
    return Execution(
        **SCOPE.columns,
        opportunity_id=one.pk,
        opportunity_at=one.timestamp,
        correlation_id=one.correlation_id,
        reservation_id=one.pk,
        route_key=one.route_key,
        symbol=one.symbol,
        quote_asset="USD",
        state=ExecutionState.SETTLED.value,
        decided_at=one.timestamp,
        notional_usd=NOTIONAL_USD,
        dust_quantity=Decimal("0.0001"),
        planned_gross_quote=Decimal(22),
        planned_net_quote=Decimal(9),
        settled_at=one.timestamp + timedelta(seconds=3),
        gross_quote=profit + 14,
        fees_quote=Decimal(13),
        gas_quote=Decimal(1),
        slippage_quote=Decimal("0.4"),
        unwind_quote=Decimal(0),
        net_quote=profit,
        net_usd=profit,
    )


def _under_way(one: Opportunity) -> Execution:
    """Return an execution that has only begun."""
    begun = _execution(one)
    for name in ("settled_at", "net_usd", *ENDING):
        setattr(begun, name, None)
    begun.state = ExecutionState.RUNNING.value
    begun.due_at = begun.decided_at + timedelta(seconds=1)
    return begun


def _order(execution: Execution, leg: int) -> Order:
    return Order(
        **SCOPE.columns,
        execution=execution,
        leg=leg,
        venue=VENUES[leg],
        symbol=execution.symbol,
        side=("buy", "sell")[leg],
        quantity=SIZE,
        limit_price=Decimal(50_000),
        quantity_step=Decimal("0.0001"),
        price_tick=Decimal("0.1"),
        state=LegState.FILLED.value,
        client_id=f"seed-{execution.pk}-{leg}",
        filled_quantity=SIZE,
        sending_at=execution.decided_at,
        closed_at=execution.settled_at,
    )


def _log(one: Execution) -> ExecutionLog:
    return ExecutionLog(
        **SCOPE.columns,
        timestamp=_settled_at(one),
        execution_id=one.pk,
        symbol=one.symbol,
        route_key=one.route_key,
        state=one.state,
        success=True,
        profit_usd=_net_usd(one),
        fees_usd=Decimal(13),
        gas_cost_usd=Decimal(1),
        slippage_bps=Decimal("1.2"),
    )


def _outcome(one: Execution) -> Outcome:
    figures = outcome_figures(_net_usd(one))
    return Outcome(**SCOPE.columns, execution_id=one.pk, settled_at=_settled_at(one), **figures)


def _settled_at(one: Execution) -> datetime:
    assert one.settled_at
    return one.settled_at


def _net_usd(one: Execution) -> Decimal:
    assert one.net_usd is not None
    return one.net_usd


def outcome_figures(net_usd: Decimal, *, gas_usd: Decimal = Decimal(1)) -> dict[str, Any]:
    """Return what an outcome holds besides its execution, filled as planned."""
    return {
        "net_usd": net_usd,
        "gross_usd": net_usd + 13 + gas_usd,
        "fees_usd": Decimal(13),
        "gas_usd": gas_usd,
        "notional_usd": NOTIONAL_USD,
        "executed": True,
        "both_legs_as_planned": True,
        "unwound": False,
        "predicted_slippage_bps": Decimal(1),
        "realised_slippage_bps": Decimal("1.2"),
    }


def _reservation(one: Execution) -> Reservation:
    return Reservation(
        **SCOPE.columns,
        opportunity_id=one.opportunity_id,
        route_key=one.route_key,
        symbol=one.symbol,
        size=SIZE,
        notional_usd=NOTIONAL_USD,
        worst_loss_usd=Decimal(20),
        created_at=one.decided_at,
        released_at=one.settled_at,
    )


def _decays(opportunities: list[Opportunity]) -> Iterator[EdgeObservation]:
    for one in opportunities:
        for step, offset_ms in enumerate(OFFSETS_MS):
            yield EdgeObservation(
                **SCOPE.columns,
                timestamp=one.timestamp + timedelta(milliseconds=offset_ms),
                opportunity_id=one.pk,
                offset_ms=offset_ms,
                net_bps=one.edge_bps - 4 * step,
                size=SIZE,
            )


def _seed_samples(opportunities: list[Opportunity], now: datetime) -> None:
    Sample.objects.bulk_create(_sample(one) for one in opportunities)
    near = {"kind": SampleKind.NEAR_MISS.value, "opportunity_id": None, "executed": False, "net_bps": -3.0}
    near |= {"settled_net_usd": None, "slippage_bps": None}
    misses = []
    for step in range(1, 20):
        miss = _sample(opportunities[-step])
        for name, value in (near | {"timestamp": now - timedelta(minutes=12 * step, seconds=30)}).items():
            setattr(miss, name, value)
        misses.append(miss)
    Sample.objects.bulk_create(misses)


def _sample(one: Opportunity) -> Sample:
    edge_bps = float(one.edge_bps)
    return Sample(
        **SCOPE.columns,
        kind=SampleKind.OPPORTUNITY.value,
        route_key=one.route_key,
        symbol=one.symbol,
        timestamp=one.timestamp,
        opportunity_id=one.pk,
        feature_set="core",
        feature_hash="seed",
        features={"gross_edge_bps": edge_bps + 65},
        net_bps=edge_bps,
        notional_usd=NOTIONAL_USD,
        scores={
            "success_probability": 0.62,
            "breakeven_probability": 0.4,
            "expected_net_usd": 6.0,
            "slippage_bps": 1.0,
            "versions": {name.value: "20260101_000000" for name in ModelName},
        },
        executed=one.executed,
        edge_at_latency_bps=edge_bps - 5,
        fillable_share_at_latency=0.9,
        settled_net_usd=one.profit_usd,
        slippage_bps=1.2 if one.executed else None,
        known_at=one.timestamp + timedelta(seconds=4),
    )
