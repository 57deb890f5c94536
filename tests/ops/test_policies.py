"""Policies: what the server does by itself is what the settings say, and saying it again changes nothing."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection

from ops.series import has_community_edition
from ops.services.policies import align
from tests.trading.models.rows import make
from trading.models import HourlyPerformance, Opportunity

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
JOBS = """
SELECT proc_name, hypertable_name, config FROM timescaledb_information.jobs WHERE hypertable_schema = current_schema()
"""


@pytest.fixture
def keep(monkeypatch):
    """Return a function that keeps each table so many days, and leave the policies as the settings have them."""

    def keep_days(**days: int) -> list[str]:
        series = replace(settings.ARB.series, retention_days=days)
        monkeypatch.setattr(settings, "ARB", replace(settings.ARB, series=series))
        return align()

    yield keep_days
    monkeypatch.undo()
    align()
    run("TRUNCATE hourly_performance") if has_community_edition(connection) else None


@pytest.fixture
def timescale():
    """Leave a test out where the server has no policies."""
    if not has_community_edition(connection):
        pytest.skip("this server has no TimescaleDB")


def run(sql: str, *params) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall() if cursor.description else []


def jobs(kind: str) -> dict[str, dict]:
    return {table: json.loads(config) for procedure, table, config in run(JOBS) if procedure == kind}


def test_after_a_migrate_nothing_is_left_to_align():
    assert align(is_trial=True) == align() == []


def test_every_series_is_compressed_later_than_it_settles_and_earlier_than_it_is_dropped(timescale):
    compressed = {name: config["compress_after"] for name, config in jobs("policy_compression").items()}
    assert compressed["arbitrage_opportunities"] == "45 days"
    assert len(compressed) == 8
    dropped = {name: config["drop_after"] for name, config in jobs("policy_retention").items()}
    assert dropped["market_snapshots"] == "30 days"
    assert "execution_logs" not in dropped


def test_aggregates_are_refreshed_all_the_way_back_where_nothing_is_ever_dropped(timescale, keep):
    keep()
    refreshed = jobs("policy_refresh_continuous_aggregate")
    assert {name: config["start_offset"] for name, config in refreshed.items()} == {
        "hourly_performance": None,
        "daily_profitability": None,
    }


def test_policies_follow_the_settings(timescale, keep):
    assert "retention of execution_logs: 100 days" in keep(execution_logs=100)
    assert jobs("policy_retention") == {"execution_logs": jobs("policy_retention")["execution_logs"]}
    assert keep(execution_logs=90) == ["retention of execution_logs: 90 days"]
    assert jobs("policy_retention")["execution_logs"]["drop_after"] == "90 days 0 seconds"
    assert keep(execution_logs=90) == []
    assert keep(execution_logs=10) == [
        "no columnstore of execution_logs any more",
        "retention of execution_logs: 10 days",
    ]


def test_a_trial_changes_nothing(timescale, keep, monkeypatch):
    before = run(JOBS)
    series = replace(settings.ARB.series, retention_days={"readings": 3})
    monkeypatch.setattr(settings, "ARB", replace(settings.ARB, series=series))
    assert "retention of readings: 3 days" in align(is_trial=True)
    assert run(JOBS) == before


def test_the_refresh_never_reaches_what_is_dropped_even_once_nothing_is_dropped_any_more(timescale, keep):
    keep(arbitrage_opportunities=60)
    assert jobs("policy_refresh_continuous_aggregate")["hourly_performance"]["start_offset"] == "59 days 0 seconds"
    make(Opportunity, timestamp=NOW - timedelta(days=90))
    make(Opportunity, timestamp=NOW - timedelta(days=20))
    run("CALL refresh_continuous_aggregate('hourly_performance', NULL, NULL)")
    run("SELECT drop_chunks('arbitrage_opportunities', older_than => %s)", NOW - timedelta(days=40))
    keep()
    reach = jobs("policy_refresh_continuous_aggregate")["hourly_performance"]["start_offset"]
    assert 18 <= int(reach.split()[0]) <= 27  # the chunk of the younger row begins up to a week before it
    run_refresh()
    assert HourlyPerformance.objects.count() == 2


def run_refresh() -> None:
    ((job,),) = run("SELECT job_id FROM timescaledb_information.jobs WHERE hypertable_name = 'hourly_performance'")
    run("CALL run_job(%s)", job)


def test_a_database_of_replays_keeps_everything(timescale, keep, monkeypatch):
    database = replace(settings.ARB.database, base_name=connection.settings_dict["NAME"].removesuffix("_replay"))
    monkeypatch.setattr(type(database), "name_for", lambda self, mode: connection.settings_dict["NAME"])
    align()
    assert jobs("policy_retention") == jobs("policy_compression") == {}
    assert set(jobs("policy_refresh_continuous_aggregate")) == {"hourly_performance", "daily_profitability"}
