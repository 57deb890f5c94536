"""Aggregates: what hours and days brought, late settlements included, and what retention leaves of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from timescale.db.models.aggregates import First, Last
from timescale.db.models.expressions import TimeBucket

from domain.scope import Mode, Scope
from mlops.models import Sample
from ops.models import Reading
from ops.series import is_continuous
from ops.services import retention
from ops.services.history import delete_run_history
from ops.services.policies import align
from tests.trading.models.rows import make
from trading.models import (
    DailyProfitability,
    ExecutionLog,
    HourlyPerformance,
    MarketSnapshot,
    Opportunity,
)

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
REFRESH_JOB = """
SELECT job_id FROM timescaledb_information.jobs
WHERE proc_name = 'policy_refresh_continuous_aggregate' AND hypertable_name = %s
"""


@pytest.fixture(autouse=True)
def _nothing_materialized():
    """Forget afterwards what an aggregate took down: emptying its series leaves it."""
    yield
    if is_continuous(connection, "hourly_performance"):
        run("TRUNCATE daily_profitability")
        run("TRUNCATE hourly_performance")


@pytest.fixture
def keep(monkeypatch):
    """Yield a function that keeps each table so many days."""

    def keep_days(**days: int) -> None:
        series = replace(settings.ARB.series, retention_days=days)
        monkeypatch.setattr(settings, "ARB", replace(settings.ARB, series=series))
        align()

    yield keep_days
    monkeypatch.undo()
    align()


def run(sql: str, *params) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall() if cursor.description else []


def refresh() -> None:
    """Do what the refresh policies do; where the aggregate is a view there is nothing to do."""
    for view in ("hourly_performance", "daily_profitability"):
        if is_continuous(connection, view):
            ((job,),) = run(REFRESH_JOB, view)
            run("CALL run_job(%s)", job)


def seen(at: datetime, profit: int | None = None, **fields) -> Opportunity:
    """Store an opportunity, executed where a profit is given."""
    if profit is not None:
        amounts = {"profit_quote": Decimal(profit), "profit_usd": Decimal(profit)}
        fields = {"executed": True, "profitable": profit > 0, **amounts, **fields}
    return make(Opportunity, timestamp=at, **fields)


def shown() -> list[tuple]:
    """Return the hours as the aggregate shows them, oldest first."""
    columns = ("hour", "symbol", "opportunities", "executed", "profitable", "win_rate", "avg_edge_bps", "profit_usd")
    return list(HourlyPerformance.objects.order_by("hour", "symbol").values_list(*columns))


def test_an_hour_tells_what_it_brought_before_any_refresh():
    at = TODAY - timedelta(hours=5)
    first = seen(at, 3, edge_bps=Decimal(10), notional_usd=Decimal(500))
    seen(at + timedelta(minutes=59), -1, edge_bps=Decimal(20), notional_usd=Decimal(700))
    seen(at + timedelta(minutes=30), edge_bps=Decimal(30), notional_usd=Decimal(900))
    seen(at + timedelta(minutes=60))
    hour = HourlyPerformance.objects.in_scope(Scope(Mode.SIM)).earliest("hour")
    assert (hour.pk, hour.hour, hour.symbol) == (first.pk, at, "BTC/USD")
    assert (hour.opportunities, hour.executed, hour.profitable, hour.win_rate) == (3, 2, 1, 0.5)
    assert (hour.avg_edge_bps, hour.edge_bps_sum, hour.avg_gross_edge_bps) == (20, 60, 100)
    assert (hour.notional_usd, hour.profit_quote, hour.profit_usd) == (1200, 2, 2)
    assert HourlyPerformance.objects.count() == 2


def test_modes_runs_and_symbols_are_never_mixed():
    at = TODAY - timedelta(hours=5)
    for fields in ({}, {"mode": "dry_run"}, {"mode": "replay", "run_id": "r1"}, {"symbol": "ETH/USD"}):
        seen(at, 1, **fields)
    assert HourlyPerformance.objects.count() == 4
    assert DailyProfitability.objects.count() == 3


@pytest.mark.parametrize("refreshes", [False, True])
def test_a_day_is_the_sum_of_its_hours(refreshes):
    day = TODAY - timedelta(days=3)
    first = seen(day, 3, edge_bps=Decimal(10))
    seen(day + timedelta(hours=23, minutes=59), -4, edge_bps=Decimal(40))
    seen(day + timedelta(hours=24), 1)
    if refreshes:
        refresh()
    told = DailyProfitability.objects.in_scope(Scope(Mode.SIM)).earliest("day")
    assert (told.pk, told.day, told.opportunities, told.executed, told.profitable) == (first.pk, day, 2, 2, 1)
    assert (told.win_rate, told.avg_edge_bps, told.profit_usd) == (0.5, 25, -1)


def test_a_settlement_ten_days_late_shows():
    at = TODAY - timedelta(days=11)
    late = seen(at, executed=True)
    refresh()
    assert shown() == [(at, "BTC/USD", 1, 1, 0, 0.0, Decimal("79.9"), 0)]
    Opportunity.objects.filter(pk=late.pk, timestamp=at).update(profitable=True, profit_usd=Decimal("7.25"))
    refresh()
    assert shown() == [(at, "BTC/USD", 1, 1, 1, 1.0, Decimal("79.9"), Decimal("7.25"))]
    assert DailyProfitability.objects.get().profit_usd == Decimal("7.25")


def test_retention_takes_the_rows_and_leaves_the_aggregates(keep):
    keep(arbitrage_opportunities=60)
    for age, profit in ((200, 1), (200, -2), (90, 5), (61, 7), (30, 3)):
        seen(TODAY - timedelta(days=age, hours=-age % 24), profit)
    hours, days = shown(), list(DailyProfitability.objects.values())
    assert (len(hours), len(days)) == (4, 4)
    done = retention.prune(now=TODAY)
    assert done.kept_hours == 3 or done.dropped_chunks >= 2  # the youngest chunk may still hold what is kept
    assert Opportunity.objects.filter(timestamp__lt=TODAY - timedelta(days=70)).count() == 0
    assert Opportunity.objects.filter(timestamp__gt=TODAY - timedelta(days=60)).count() == 1
    for _ in range(2):
        assert shown() == hours
        assert list(DailyProfitability.objects.values()) == days
        refresh()
        retention.prune(now=TODAY)


def test_what_is_kept_goes_on_where_it_ended(keep):
    keep(arbitrage_opportunities=60)
    seen(TODAY - timedelta(days=90), 1)
    retention.prune(now=TODAY)
    seen(TODAY - timedelta(days=80), 2)
    before = shown()
    retention.prune(now=TODAY + timedelta(days=10))
    assert shown() == before
    assert [row[-1] for row in before] == [1, 2]


def test_a_retention_that_stopped_half_way_counts_no_hour_twice(keep, monkeypatch):
    keep(arbitrage_opportunities=60)
    for hour in range(5):
        seen(TODAY - timedelta(days=90, hours=hour), 1)
    before = shown()
    monkeypatch.setattr(retention, "BATCH_ROWS", 2)
    monkeypatch.setattr(retention, "MOST_BATCHES", 1)
    for _ in range(4):
        retention.prune(now=TODAY)
        assert shown() == before
    assert Opportunity.objects.count() == 0


def test_a_database_of_replays_keeps_everything(keep, monkeypatch):
    keep(arbitrage_opportunities=60, readings=1)
    seen(TODAY - timedelta(days=1000))
    monkeypatch.setattr("ops.services.retention.holds_replays", lambda: True)
    assert retention.prune(now=TODAY) == retention.Pruned()
    assert Opportunity.objects.count() == 1


def test_rows_of_other_series_go_as_the_settings_say(keep):
    keep(readings=30, execution_logs=90, market_snapshots=30)
    for age in (29, 31, 91):
        at = TODAY - timedelta(days=age)
        Reading.objects.create(mode="sim", timestamp=at, kind=Reading.KINDS.DISK_FREE_BYTES, value=1)
        make(ExecutionLog, timestamp=at)
        make(MarketSnapshot, timestamp=at)
    done = retention.prune(now=TODAY)
    if is_continuous(connection, "hourly_performance"):
        assert done == retention.Pruned()  # TimescaleDB's own policies see to it
    else:
        assert done.deleted_rows == {"readings": 2, "execution_logs": 1, "market_snapshots": 2}
        assert [model.objects.count() for model in (Reading, ExecutionLog, MarketSnapshot)] == [1, 2, 1]


def test_history_that_is_no_series_and_younger_history_stay_refused():
    make(ExecutionLog, timestamp=TODAY)
    for table in ("execution_logs", "ops_operatoraction"):
        run("INSERT INTO ops_operatoraction (mode, run_id, actor, action, subject, reason, detail, correlation_id) "
            "VALUES ('sim', '', 'ann', 'halt', '', 'because', '{}', '')")  # fmt: skip
        with pytest.raises(IntegrityError, match="is history"), transaction.atomic():
            run("SELECT set_config(%s, %s, true)", retention.DELETED_BEFORE, TODAY.isoformat())
            run(f"DELETE FROM {table}")


def test_two_at_a_time_do_not_get_in_each_others_way(keep, monkeypatch):
    keep(arbitrage_opportunities=60)
    seen(TODAY - timedelta(days=90))
    monkeypatch.setattr("ops.services.retention.advisory", held_elsewhere)
    assert retention.prune(now=TODAY) == retention.Pruned()
    assert Opportunity.objects.count() == 1


class held_elsewhere:  # noqa: N801  it stands for a function
    def __init__(self, name: str) -> None: ...

    def __enter__(self) -> bool:
        return False

    def __exit__(self, *error: object) -> None: ...


def test_a_deleted_replay_leaves_no_hour_behind():
    seen(TODAY - timedelta(days=900), 1, mode="replay", run_id="r1")
    with transaction.atomic():
        delete_run_history(Scope(Mode.REPLAY, "r1"))
    assert shown() == []


def test_the_packages_expressions_answer_on_either_server():
    for hours, profit in ((30, 1), (29, 2), (2, 4)):
        seen(TODAY - timedelta(hours=hours), profit)
    days = HourlyPerformance.objects.time_bucket("hour", "1 day").values("bucket", "profit_usd").to_list()
    assert len(days) == 3
    weekly = HourlyPerformance.objects.values(bucket=TimeBucket("hour", "1 week")).annotate(
        first=First("win_rate", "hour"), last=Last("avg_edge_bps", "hour")
    )
    assert all(row["first"] == 1 and row["last"] for row in weekly)
    (counted,) = run("SELECT histogram(profit_usd::double precision, 0, 4, 2) FROM hourly_performance")
    assert counted == ([0, 1, 1, 1],)


def test_the_training_data_are_the_samples_whose_labels_are_known():
    known = make_sample("a", edge_at_latency_bps=3.0, known_at=TODAY)
    make_sample("b")
    rows = run("SELECT id, timestamp, mode, run_id, symbol, route_key, features, known_at FROM ml_training_data")
    assert [row[0] for row in rows] == [known.pk]
    assert rows[0][-1] == TODAY


def make_sample(route: str, **labels) -> Sample:
    return Sample.objects.create(
        mode="sim",
        kind="near_miss",
        route_key=route,
        symbol="BTC/USD",
        timestamp=TODAY - timedelta(days=1),
        feature_set="v1",
        feature_hash="abc",
        features={"net_bps": 1.0},
        net_bps=1.0,
        notional_usd=Decimal(100),
        **labels,
    )
