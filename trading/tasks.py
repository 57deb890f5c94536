"""What workers and beat run: each task calls one service, takes ids alone, and is safe to run twice."""

from functools import partial

from celery import shared_task
from django.conf import settings

from domain.timestamps import from_ns
from ops import broker
from trading.dispatch import OutboxDispatch
from trading.marketdata.clock import SYSTEM_CLOCK
from trading.services import execution, reconciliation, reference, scan, sweeping, volatility
from trading.services.venues import trading_venues
from trading.venues.registry import bar_sources

SCAN_EXPIRES_S = 4.0  # a late scan of a partition makes way for the next one


@shared_task(name="trading.execution_step")
def execution_step(execution_id: int) -> None:
    """Take one execution as far as it can go now."""
    scope = settings.ARB.scope
    fees = reference.fees_now(scope, now=from_ns(SYSTEM_CLOCK.now_ns()))
    execution.step(execution_id, venues=trading_venues(scope, clock=SYSTEM_CLOCK, fees=fees), clock=SYSTEM_CLOCK)


@shared_task(name="trading.sweep_executions")
def sweep_executions() -> None:
    """Bring workers back to executions whose time has come."""
    sweeping.sweep_executions(settings.ARB.scope, clock=SYSTEM_CLOCK)


@shared_task(name="trading.scan")
def scan_markets() -> None:
    """Look at every route once, at a fixed pace; where partitions share them, each is handed on."""
    scope = settings.ARB.scope
    connections = scan.process_connections(SYSTEM_CLOCK)
    hand_on = partial(broker.send, scan_partition.name, expires_s=SCAN_EXPIRES_S)
    scan.scan_all(scope, clock=SYSTEM_CLOCK, dispatch=OutboxDispatch(scope), connections=connections, hand_on=hand_on)


@shared_task(name="trading.scan_partition")
def scan_partition(index: int, count: int) -> None:
    """Look at every route of one partition of so many."""
    scope = settings.ARB.scope
    connections = scan.process_connections(SYSTEM_CLOCK)
    scan.scan_partition(
        index, count, scope, clock=SYSTEM_CLOCK, dispatch=OutboxDispatch(scope), connections=connections
    )


@shared_task(name="trading.account_reference")
def refresh_reference() -> None:
    """Ask venues and accounts for what they state of markets and fees."""
    reference.refresh(settings.ARB.scope, clock=SYSTEM_CLOCK)


@shared_task(name="trading.reconcile")
def reconcile() -> None:
    """Compare what our rows say, and free what was restored once it agrees."""
    for scope in reconciliation.scopes_of(settings.ARB.scope):
        fees = reference.fees_now(scope, now=from_ns(SYSTEM_CLOCK.now_ns()))
        venues = trading_venues(scope, clock=SYSTEM_CLOCK, fees=fees)
        reconciliation.reconcile(scope, venues=venues, clock=SYSTEM_CLOCK)


@shared_task(name="trading.volatility")
def update_volatility() -> None:
    """Append volatility, returns and liquidity of every market."""
    volatility.update(settings.ARB.scope, clock=SYSTEM_CLOCK, sources=bar_sources(settings.ARB.venues))
