"""What surrounds a healthy system's trades, in rows: looks, markets, limits, models, and the system's own parts."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.breakers import BreakerKind, BreakerState
from domain.detection import Stage
from domain.scope import Mode, Scope
from domain.scores import ModelName
from mlops.models import Alias, ModelAlias, ModelPerformance, ModelVersion, ServedModel
from ops.models import Alert, Canary, Delivery, Level, Outbox, Reading, ReadingKind
from ops.services.canaries import NAMES
from risk.models import Breaker, BreakerEvent, Gate, Limit, LimitKind
from trading.models import (
    Balance,
    EvaluationCount,
    MarketSnapshot,
    MarketVolatility,
    OfferedEdge,
    OpenEpisode,
    PriceBar,
    PriceSource,
    Reconciliation,
)

SCOPE = Scope(Mode.DRY_RUN)
VENUES = ("kraken", "alpaca")
SYMBOLS = ("BTC/USD", "ETH/USD")

QUIET: dict[ReadingKind, tuple[tuple[str, float], ...]] = {
    ReadingKind.QUEUE_DEPTH_MESSAGES: tuple((name, 2) for name in NAMES if name != "beat"),
    ReadingKind.QUEUE_DELAY_MS: tuple((name, 35) for name in NAMES if name != "beat"),
    ReadingKind.CANARY_AGE_S: tuple((name, 8) for name in NAMES),
    ReadingKind.OUTBOX_AGE_S: (("", 0.2),),
    ReadingKind.DATA_AGE_MS: tuple((venue, 180) for venue in VENUES),
    ReadingKind.VENUE_HEALTH_SHARE: tuple((venue, 0.98) for venue in VENUES),
    ReadingKind.CLOCK_SKEW_MS: tuple((venue, 12) for venue in VENUES),
    ReadingKind.DATABASE_SIZE_BYTES: (("", 3e9),),
    ReadingKind.DATABASE_SESSIONS: (("", 14),),
    ReadingKind.DISK_FREE_BYTES: (("models", 200e9), ("backups", 180e9)),
    ReadingKind.MEMORY_BYTES: (("stream", 2.1e8), ("web", 1.4e8), ("worker-scan", 1.9e8)),
    ReadingKind.BACKUP_AGE_S: (("", 20_000),),
}
DRIFT = {"gross_edge_bps": 0.04, "age_ms": 0.11}
_WINDOWS = {"volatility": 0.41, "returns": 0.003, "known": 0.97}
_FIGURES = {
    "accuracy": 0.63,
    "precision": 0.66,
    "recall": 0.7,
    "f1": 0.68,
    "brier": 0.21,
    "mae": 2.1,
    "correlation": 0.55,
    "mean_percent_error": 18.0,
}


def seed_looks(now: datetime) -> None:
    """Write two days of looks at every route, how each ended, and which edges were offered."""
    hours = [now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=step) for step in range(48)]
    routes = [f"{VENUES[way]}:{symbol}>{VENUES[1 - way]}:{symbol}" for way in (0, 1) for symbol in SYMBOLS]
    ends = ((Stage.CROSSED, "not_crossed", 3000), (Stage.COST, "below_threshold", 400), (Stage.PAID, "", 9))
    EvaluationCount.objects.bulk_create(
        EvaluationCount(**SCOPE.columns, hour=hour, route_key=route, stage=stage.value, reason=reason, count=count)
        for hour in hours
        for route in routes
        for stage, reason, count in ends
    )
    OfferedEdge.objects.bulk_create(
        OfferedEdge(**SCOPE.columns, hour=hour, route_key=route, tenth_bps=tenth_bps, count=60 - abs(tenth_bps) // 20)
        for hour in hours[:24]
        for route in routes
        for tenth_bps in range(-200, 900, 200)
    )
    OpenEpisode.objects.create(
        **SCOPE.columns, route_key=routes[0], opportunity_id=1, opportunity_at=now, last_seen_at=now
    )


def seed_market(now: datetime) -> None:
    """Write a day of prices, bars and volatility."""
    markets = [(venue, symbol) for venue in VENUES for symbol in SYMBOLS]
    instants = [now - timedelta(minutes=30 * step) for step in range(1, 49)]
    MarketSnapshot.objects.bulk_create(
        MarketSnapshot(
            **SCOPE.columns,
            timestamp=at,
            venue=venue,
            symbol=symbol,
            bid=Decimal(50_000),
            ask=Decimal(50_010),
            bid_depth_usd=Decimal(90_000),
            ask_depth_usd=Decimal(80_000),
        )
        for at in instants
        for venue, symbol in markets
    )
    windows = {f"{name}_{span}": value for name, value in _WINDOWS.items() for span in ("1h", "24h", "7d")}
    MarketVolatility.objects.bulk_create(
        MarketVolatility(
            **SCOPE.columns, timestamp=at, venue=venue, symbol=symbol, volume_24h=310, liquidity_usd=170_000, **windows
        )
        for at in instants
        for venue, symbol in markets
    )
    PriceBar.objects.bulk_create(_bar(at.replace(second=0, microsecond=0), *one) for at in instants for one in markets)


def _bar(at: datetime, venue: str, symbol: str) -> PriceBar:
    prices = {"open": 50_000, "high": 50_040, "low": 49_970, "close": 50_020}
    source = PriceSource.BOOKS.value
    money = {name: Decimal(price) for name, price in prices.items()}
    return PriceBar(
        **SCOPE.columns, timestamp=at, venue=venue, symbol=symbol, source=source, written_at=at, volume=None, **money
    )


def seed_risk(now: datetime) -> None:
    """Write the gate, closed breakers with a past, and limits."""
    Gate.objects.create(**SCOPE.columns, changed_at=now - timedelta(days=3), actor="seed")
    Breaker.objects.bulk_create(
        Breaker(**SCOPE.columns, kind=kind.value, value=Decimal("0.1"), threshold=Decimal("0.4"))
        for kind in BreakerKind
    )
    BreakerEvent.objects.create(
        **SCOPE.columns,
        kind=BreakerKind.GAS_COST.value,
        before=BreakerState.OPEN.value,
        after=BreakerState.CLOSED.value,
        happened_at=now - timedelta(hours=9),
        actor="system",
        reason="three probes won",
        value=Decimal("0.1"),
        threshold=Decimal("0.4"),
    )
    Limit.objects.bulk_create(
        Limit(**SCOPE.columns, kind=kind, value=Decimal(500), changed_at=now, actor="seed") for kind in LimitKind.values
    )


def seed_models(now: datetime) -> None:
    """Write a version of each model, who serves it, and how it did."""
    for number, name in enumerate(ModelName):
        version = ModelVersion.objects.create(
            **SCOPE.columns,
            model_name=name.value,
            tag=f"2026010{number + 1}_000000",
            created_at=now - timedelta(days=2),
            expires_at=now + timedelta(days=28),
            feature_set="core",
            feature_hash="seed",
            seed=1,
            data_from=now - timedelta(days=9),
            data_to=now - timedelta(days=2),
            n_samples=4_000,
            n_executed=900,
            file_hash=f"{number}" * 64,
            metrics={"accuracy": 0.63, "brier": 0.21, "mae": 2.1},
            has_skill=True,
        )
        for alias in (Alias.CHAMPION, Alias.CHALLENGER):
            ModelAlias.objects.create(
                **SCOPE.columns, model_name=name.value, alias=alias.value, version=version, moved_at=now
            )
        _seed_performance(version, now)


def _seed_performance(version: ModelVersion, now: datetime) -> None:
    for process in ("stream", "worker-scan"):
        ServedModel.objects.create(
            **SCOPE.columns,
            process=process,
            model_name=version.model_name,
            alias=Alias.CHAMPION.value,
            tag=version.tag,
            since=version.created_at,
            seen_at=now,
        )
    ModelPerformance.objects.bulk_create(
        ModelPerformance(
            **SCOPE.columns,
            timestamp=now - timedelta(hours=8 * step),
            window_from=now - timedelta(hours=8 * step + 24),
            window_to=now - timedelta(hours=8 * step),
            alias=Alias.CHAMPION.value,
            model_name=version.model_name,
            model_version=version.tag,
            n=400,
            n_executed=90,
            avg_actual_profit=Decimal(4),
            avg_predicted_profit=Decimal(5),
            detail=_measured(),
            **_FIGURES,
        )
        for step in range(1, 20)
    )


def _measured() -> dict[str, Any]:
    """Return what a measurement tells in detail, as ``mlops.services.watching`` stores it."""
    figure = {"value": 0.63, "low": 0.58, "high": 0.68, "n": 400}
    return {
        "judged": {"accuracy": figure, "brier": figure | {"value": 0.21, "low": 0.19, "high": 0.23}},
        "executed": {"accuracy": figure | {"n": 90}},
        "rule": {"accuracy": 0.5},
        "bins": [{"predicted": 0.6, "observed": 0.63, "low": 0.5, "high": 0.7, "n": 80}],
        "psi": DRIFT,
        "abstained": {"out_of_range": 3},
        "effect": None,
    }


def seed_system(now: datetime) -> None:
    """Write readings, canaries, the outbox, alerts, reconciliations and balances."""
    Reading.objects.bulk_create(_readings(now))
    for name in NAMES:
        Canary.objects.create(
            **SCOPE.columns, queue=name, sent_at=now - timedelta(seconds=8), consumed_at=now - timedelta(seconds=7)
        )
    sent = {"created_at": now - timedelta(hours=1), "due_at": now - timedelta(hours=1)}
    Outbox.objects.create(
        **SCOPE.columns, kind="ops.notify", row_id=1, attempts=1, dispatched_at=now - timedelta(minutes=59), **sent
    )
    Alert.objects.create(
        **SCOPE.columns,
        key="seed",
        level=Level.INFO,
        title="A breaker has closed",
        created_at=now - timedelta(hours=2),
        delivery=Delivery.NO_CHANNEL,
    )
    Reconciliation.objects.bulk_create(
        Reconciliation(**SCOPE.columns, timestamp=now - timedelta(minutes=10 * step), differences=0)
        for step in range(1, 100)
    )
    Balance.objects.bulk_create(
        Balance(**SCOPE.columns, venue=venue, asset=asset, amount=Decimal(amount))
        for venue in VENUES
        for asset, amount in (("USD", 5_000), ("BTC", 1))
    )


def _readings(now: datetime) -> Iterator[Reading]:
    instants = [now - timedelta(minutes=30 * step) for step in range(48, 0, -1)]
    for at in [*instants, now - timedelta(seconds=20)]:
        for kind, subjects in QUIET.items():
            for subject, value in subjects:
                yield Reading(**SCOPE.columns, timestamp=at, kind=kind.value, subject=subject, value=value)
