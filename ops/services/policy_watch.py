"""Watching TimescaleDB's policies: one that fails again and again, or is never begun, is told to a person.

The server says so nowhere but in its catalog; meanwhile late settlements do not show and old rows stay.
"""

from datetime import timedelta

from django.db import connection

from ops.models import Level
from ops.series import has_community_edition
from ops.services import alerts
from ops.sql import rows_of

PATIENCE = timedelta(hours=1)
_STUCK = """
SELECT format('%%s of %%s, last done %%s: %%s', job.proc_name, job.hypertable_name,
              CASE WHEN isfinite(stats.last_successful_finish)
                   THEN to_char(stats.last_successful_finish AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC'
                   ELSE 'never' END,
              CASE WHEN stats.last_run_status = 'Failed' THEN coalesce(latest.err_message, 'failed')
                   ELSE 'not begun when it was due' END)
FROM timescaledb_information.jobs job
JOIN timescaledb_information.job_stats stats USING (job_id)
LEFT JOIN LATERAL (
    SELECT err_message FROM timescaledb_information.job_errors
    WHERE job_errors.job_id = job.job_id ORDER BY start_time DESC LIMIT 1
) latest ON true
WHERE job.hypertable_schema = current_schema() AND job.scheduled
  AND ((stats.last_run_status = 'Failed'
        AND now() - greatest(stats.last_successful_finish, pg_postmaster_start_time())
            > job.schedule_interval + %(patience)s)
       OR (isfinite(stats.next_start)  -- of one that was made just now it is not known
           AND now() - greatest(stats.next_start, pg_postmaster_start_time()) > %(patience)s))
ORDER BY job.hypertable_name, job.proc_name
"""
_ADVICE = (
    "manage.py maintenance status lists them. Jobs that fail to start want more workers: "
    "max_worker_processes of at least timescaledb.max_background_workers + max_parallel_workers + 3."
)


def tell_of_stuck_policies() -> list[str]:
    """Raise an alert where policies have not done their work, and return one line for each of them."""
    stuck = [said for (said,) in rows_of(_STUCK, {"patience": PATIENCE})] if has_community_edition(connection) else []
    if stuck:
        alerts.alert(
            "The database's own policies do not run", "\n".join([*stuck, _ADVICE]), level=Level.ERROR, key="policies"
        )
    return stuck
