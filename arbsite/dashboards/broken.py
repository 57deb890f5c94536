"""A broken system for each alert rule: what is written over a healthy one so that this rule, and no other, fires."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from arbsite.dashboards.seeds import outcome_figures
from arbsite.dashboards.surroundings import SCOPE
from domain.breakers import BreakerKind, BreakerState
from ops.models import Canary, Outbox, Reading, ReadingKind
from risk.models import Breaker, Outcome
from trading.models import Opportunity, Reconciliation

FIRST = 10**9  # executions of the broken hour are numbered from here


def _open_a_breaker(now: datetime) -> None:
    Breaker.objects.in_scope(SCOPE).filter(kind=BreakerKind.DRAWDOWN.value).update(
        state=BreakerState.OPEN.value,
        opened_at=now - timedelta(minutes=1),
        cool_until=now + timedelta(minutes=4),
        reason="drawdown 0.17 above 0.15",
    )


def _lose_often(now: datetime) -> None:
    for number in range(50):  # what is won outweighs what is lost: only the rate is bad
        _settle(now, number, Decimal(200) if number % 5 == 0 else Decimal(-4))


def _lose_much(now: datetime) -> None:
    _settle(now, 0, Decimal(-300))  # less than the day's gross profit: gas stays a small share


def _burn_gas(now: datetime) -> None:
    _settle(now, 0, Decimal(4_000), gas_usd=Decimal(6_000))


def _miss_legs(now: datetime) -> None:
    nothing = {"net_usd": Decimal(0), "gross_usd": Decimal(0), "fees_usd": Decimal(0), "gas_usd": Decimal(0)}
    missed = outcome_figures(Decimal(0)) | nothing | {"executed": False, "both_legs_as_planned": False}
    Outcome.objects.bulk_create(
        Outcome(
            **SCOPE.columns, execution_id=FIRST + number, settled_at=now - timedelta(minutes=1 + number / 10), **missed
        )
        for number in range(30)
    )


def _find_nothing(now: datetime) -> None:
    Opportunity.objects.in_scope(SCOPE).filter(timestamp__gt=now - timedelta(hours=40)).delete()


def _differ(now: datetime) -> None:
    Reconciliation.objects.create(
        **SCOPE.columns, timestamp=now - timedelta(seconds=5), differences=2, detail=["kraken BTC: 1 against 0.96"]
    )


def _silence_a_queue(now: datetime) -> None:
    silent_at = now - timedelta(minutes=10)
    Canary.objects.in_scope(SCOPE).filter(queue="execution").update(sent_at=silent_at, consumed_at=silent_at)


def _keep_waiting(now: datetime) -> None:
    late = {"created_at": now - timedelta(minutes=5), "due_at": now - timedelta(minutes=5)}
    Outbox.objects.create(**SCOPE.columns, kind="trading.execution_step", row_id=1, **late)


def _read(kind: ReadingKind, subject: str, value: float) -> Callable[[datetime], None]:
    def write(now: datetime) -> None:
        Reading.objects.create(**SCOPE.columns, timestamp=now, kind=kind.value, subject=subject, value=value)

    return write


def _settle(now: datetime, number: int, net_usd: Decimal, *, gas_usd: Decimal = Decimal(1)) -> None:
    Outcome.objects.create(
        **SCOPE.columns,
        execution_id=FIRST + number,
        settled_at=now - timedelta(seconds=number),
        **outcome_figures(net_usd, gas_usd=gas_usd),
    )


def _never_back_up(now: datetime) -> None:
    """Let a system be nine days old that never proved a backup."""
    Reading.objects.in_scope(SCOPE).filter(kind=ReadingKind.BACKUP_AGE_S).delete()
    _read(ReadingKind.OUTBOX_AGE_S, "", 0)(now - timedelta(days=9))


BREAKS: Sequence[tuple[str, Callable[[datetime], None]]] = (
    ("arb-breaker-open", _open_a_breaker),
    ("arb-win-rate", _lose_often),
    ("arb-negative-pnl", _lose_much),
    ("arb-gas-share", _burn_gas),
    ("arb-execution-failures", _miss_legs),
    ("arb-no-opportunities", _find_nothing),
    ("arb-reconciliation-difference", _differ),
    ("arb-data-stale", _read(ReadingKind.DATA_AGE_MS, "kraken", 500_000)),
    ("arb-canary-late", _silence_a_queue),
    ("arb-outbox-late", _keep_waiting),
    ("arb-disk-full", _read(ReadingKind.DISK_FREE_BYTES, "models", 2e9)),
    ("arb-backup-late", _read(ReadingKind.BACKUP_AGE_S, "", 30 * 86_400)),
    ("arb-backup-late", _never_back_up),
)
