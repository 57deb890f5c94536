"""A policy that the server does not carry out is told to a person."""

from datetime import timedelta

import pytest
from django.db import connection

from ops.models import Alert
from ops.series import has_community_edition
from ops.services import policy_watch
from ops.services.policy_watch import tell_of_stuck_policies

pytestmark = pytest.mark.django_db(transaction=True)
DUE = """
SELECT alter_job(job_id, next_start => now() + %s) FROM timescaledb_information.jobs
WHERE hypertable_name = 'hourly_performance'
"""


@pytest.fixture
def _overdue(monkeypatch):
    if not has_community_edition(connection):
        pytest.skip("this server has no TimescaleDB")
    monkeypatch.setattr(policy_watch, "PATIENCE", timedelta(0))  # the server may have been started just now
    make_due(in_days=-1)
    yield
    make_due(in_days=1)


def make_due(*, in_days: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(DUE, [timedelta(days=in_days)])


def test_nobody_is_called_while_nothing_is_overdue():
    assert tell_of_stuck_policies() == []
    assert not Alert.objects.exists()


@pytest.mark.usefixtures("_overdue")
def test_a_policy_that_is_never_begun_is_told_with_what_to_do():
    (stuck,) = tell_of_stuck_policies()
    assert stuck == (
        "policy_refresh_continuous_aggregate of hourly_performance, last done never: not begun when it was due"
    )
    told = Alert.objects.get(key="policies")
    assert stuck in told.body
    assert "max_worker_processes" in told.body
