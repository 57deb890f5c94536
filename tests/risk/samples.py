"""Requests, reports and settings to ask risk with."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

from django.db import connection, transaction

from domain.scope import Mode, Scope
from risk.services import AdmitRequest, Admitted, OutcomeReport, Refusal, admit, may_send

NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
SCOPE = Scope(Mode.SIM)
OTHER = Scope(Mode.REPLAY, "run-1")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def request(opportunity_id: int = 1, **changes: Any) -> AdmitRequest:
    asked = AdmitRequest(
        opportunity_id=opportunity_id,
        route_key="kraken>alpaca:BTC/USD",
        symbol="BTC/USD",
        size=Decimal("0.01"),
        notional_usd=Decimal(500),
        worst_loss_usd=Decimal(1),
    )
    return replace(asked, **changes)


def report(execution_id: int = 1, **changes: Any) -> OutcomeReport:
    ended = OutcomeReport(
        execution_id=execution_id,
        reservation_id=None,
        settled_at=later(execution_id),
        net_usd=Decimal(1),
        gross_usd=Decimal(3),
        fees_usd=Decimal(2),
        gas_usd=Decimal(0),
        notional_usd=Decimal(500),
        executed=True,
        both_legs_as_planned=True,
        unwound=False,
    )
    return replace(ended, **changes)


def ask(opportunity_id: int = 1, *, scope: Scope = SCOPE, now: datetime = NOW, **changes: Any) -> Admitted | Refusal:
    with transaction.atomic():
        return admit(request(opportunity_id, **changes), scope=scope, now=now)


def ask_to_send(
    reservation_id: int | None, *, opening: bool = True, scope: Scope = SCOPE, now: datetime = NOW
) -> Refusal | None:
    with transaction.atomic():
        return may_send(scope=scope, opening=opening, reservation_id=reservation_id, now=now)


def set_part(settings: Any, part: str, **changes: Any) -> None:
    """Replace some fields of one part of settings.ARB for the time of a test."""
    settings.ARB = replace(settings.ARB, **{part: replace(getattr(settings.ARB, part), **changes)})


def all_at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Return what ``act`` returned in each of ``count`` threads that were let go together."""
    barrier = Barrier(count)

    def run(number: int) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
