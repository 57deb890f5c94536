"""A snapshot with something in every corner, and the plan of a demo that never starts."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from arbsite.demo.doubles import DoublesAddress
from arbsite.demo.plan import Plan
from arbsite.demo.snapshot import (
    TO_COME,
    BreakerView,
    FeedLine,
    Health,
    Links,
    ProcessView,
    ServerView,
    Slippage,
    Snapshot,
    Trading,
    VenueView,
)
from arbsite.processes import Ports
from domain.breakers import BreakerKind
from domain.ledger import Waterfall
from domain.scope import Mode, Scope
from trading.selectors.results import Edge, Funnel, LastTrade, Refusals, Results, Swaps

NOW = datetime(2026, 11, 22, 8, 45, tzinfo=UTC)
SCOPE = Scope(Mode.SIM, "demo-1")
LINKS = Links(
    admin="http://127.0.0.1:8000/admin/",
    admin_user="operator",
    admin_password="admin-secret",
    flower="http://127.0.0.1:5555/",
    flower_user="operator",
    flower_password="flower-secret",
)


def light(kind: BreakerKind) -> BreakerView:
    if kind is BreakerKind.CONSECUTIVE_FAILURES:
        return BreakerView(kind.value, "open", 1, "consecutive_failures is 5, threshold 5", 7.0)
    return BreakerView(kind.value, "closed", 0, "", None)


@pytest.fixture
def trading() -> Trading:
    waterfall = Waterfall(*map(Decimal, ("60", "50", "0", "-1.5", "4", "7.5")))
    return Trading(
        funnel=Funnel(12_345, 12_000, 9_000, 400, 390, 30, 12, 11),
        edge=Edge(Decimal("22.2"), Decimal("45.25")),
        results=Results({"settled": 9, "unwound": 2}, 11, 8, waterfall),
        last=LastTrade(7, NOW, "kraken:BTC/USD>alpaca:BTC/USD", "BTC/USD", "settled", Decimal(1000), Decimal("6.67")),
        slippage=Slippage(Decimal(0), Decimal("3.04")),
        refusals=Refusals({"not_crossed": 1388, "below_threshold": 763}, {"max_open_executions": 3}),
        breakers=tuple(light(kind) for kind in BreakerKind),
        gate="active",
        swaps=Swaps(4, 1, Decimal("2.25")),
    )


@pytest.fixture
def snapshot(trading) -> Snapshot:
    return Snapshot(
        scope=SCOPE,
        at=NOW,
        elapsed_s=33.3,
        length_s=90,
        phase="running",
        servers=(ServerView("PostgreSQL", Health.AWAY, 3.2), ServerView("Redis", Health.UP)),
        processes=(
            ProcessView("stream", "waiting", 2, None),
            ProcessView("beat", "running", 0, 12),
            ProcessView("web", TO_COME, 0, None),
        ),
        venues=(VenueView("kraken", 5, 209, 409, 1688, 2, 1),),
        trading=trading,
        feed=(FeedLine(NOW, "error", "Breaker consecutive_failures is open"), FeedLine(NOW, "info", "all is well")),
        links=LINKS,
        first_execution_s=17.1,
        has_chain=True,
    )


@pytest.fixture
def plan(tmp_path) -> Plan:
    return Plan(
        scope=SCOPE,
        seed=7,
        seconds=90,
        log_dir=tmp_path,
        checkout=Path.cwd(),
        ports=Ports(web=8000, flower=5555),
        links=LINKS,
        doubles=DoublesAddress(41000, 42000),
    )
