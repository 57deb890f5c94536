"""The hourly win rate from the aggregate against the same figures from raw rows, in a database of its own.

    python -m benchmarks.aggregates --server postgresql://user:password@host:port/any [--rows 2000000] [--rounds 7]

Needs a server with TimescaleDB and a role that may create databases. The baseline, in the same run: the same question
asked of the opportunities themselves. Both ways end with the win rate of every hour; the answers are compared row by
row, the rows that either way reads are counted, and each way's quickest round counts. Then a trade of ten days ago is
settled and the refresh policy run, and retention drops all but two months. Exit 1 where the aggregate is not fast
enough, an answer differs, the settlement does not show or an hour is lost.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

TARGET = 15.0
KEPT_DAYS = 60
_FILL = """
INSERT INTO arbitrage_opportunities (mode, run_id, timestamp, correlation_id, route_key, symbol, buy_venue, sell_venue,
    size, notional_usd, edge_bps, gross_edge_bps, peak_edge_bps, costs, books, features, feature_set, feature_hash,
    scores, gates, reason, executed, profitable, profit_quote, profit_usd, resolution_s)
SELECT 'dry_run', '', now() - g * interval '5 seconds', md5(g::text), 'a:BTC/USD>b:BTC/USD',
    (ARRAY['BTC/USD', 'ETH/USD', 'SOL/USD', 'BTC/USDC', 'ETH/USDC'])[g %% 5 + 1], 'a', 'b',
    1, 1000, g %% 90, 70 + g %% 90, g %% 90, '[]', '[]', '{}', '', '', '{}', '[]', '', g %% 4 > 0,
    CASE WHEN g %% 4 > 0 THEN g %% 5 > 1 END, CASE WHEN g %% 4 > 0 THEN (g %% 7) - 2 END,
    CASE WHEN g %% 4 > 0 THEN (g %% 7) - 2 END, 0
FROM generate_series(%s, %s) AS g
"""
_RAW = """
SELECT time_bucket('1 hour', timestamp) AS hour,
    (count(*) FILTER (WHERE executed AND profitable))::float / nullif(count(*) FILTER (WHERE executed), 0) AS win_rate
FROM arbitrage_opportunities WHERE mode = 'dry_run' AND run_id = '' GROUP BY hour ORDER BY hour
"""
_AGGREGATE = """
SELECT hour, sum(profitable)::float / nullif(sum(executed), 0) AS win_rate
FROM hourly_performance WHERE mode = 'dry_run' AND run_id = '' GROUP BY hour ORDER BY hour
"""
_LATE = """
UPDATE arbitrage_opportunities SET executed = true, profitable = true, profit_usd = 1000000
WHERE (id, timestamp) IN (SELECT id, timestamp FROM arbitrage_opportunities
                          WHERE timestamp BETWEEN now() - interval '10 days 1 minute' AND now() - interval '10 days'
                          ORDER BY timestamp LIMIT 1)
RETURNING time_bucket('1 hour', timestamp), symbol
"""
_SHOWN = "SELECT max(profit_usd) FROM hourly_performance WHERE hour = %s AND symbol = %s"
_JOB = """
SELECT job_id FROM timescaledb_information.jobs
WHERE proc_name = 'policy_refresh_continuous_aggregate' AND hypertable_name = 'hourly_performance'
"""
_BATCH_ROWS = 250_000


def main() -> None:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="its address; the database named there is left alone")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    told = parser.parse_args()
    with _database(told.server):
        took_s = _fill(told.rows)
        print(f"{told.rows:,} opportunities stored in {took_s:.0f} s, the aggregate refreshed in {_refresh_s():.1f} s")
        speedup, agrees = _compare(told.rounds)
        shows, keeps = _settle_late(), _retain()
    raise SystemExit(not (speedup >= TARGET and agrees and shows and keeps))


@contextmanager
def _database(server: str) -> Iterator[None]:
    """Migrate a database of our own on the server, let no policy run by itself in it, and drop it in the end."""
    name = f"arbsite_aggregates_{os.getpid()}"
    for variable in [one for one in os.environ if one.startswith("TIMESCALE_")]:
        os.environ.pop(variable)
    os.environ |= {"ARB_ENV_FILE": "none", "ARB_MODE": "dry_run", "DATABASE_URL": f"{server.rpartition('/')[0]}/{name}"}
    with ExitStack() as held:
        from arbsite import config  # late: reads the environment set above

        config.name_settings_module()
        import django  # late: as above

        django.setup()
        from django.conf import settings  # late: as above

        from arbsite.setup.schema import connect_beside, ensure_migrated  # late: needs the set-up above

        held.callback(_drop, connect_beside, settings.ARB.database, name)
        ensure_migrated(applies=True)
        _ask("SELECT _timescaledb_functions.stop_background_workers()")
        yield


def _drop(connect_beside: Any, database: Any, name: str) -> None:
    from django.db import connection  # late: needs Django's settings

    connection.close()
    with connect_beside(database, name="postgres") as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _fill(rows: int) -> float:
    began_s = time.perf_counter()
    for first in range(1, rows + 1, _BATCH_ROWS):
        _ask(_FILL, first, min(first + _BATCH_ROWS - 1, rows))
    _ask("ANALYZE arbitrage_opportunities")
    return time.perf_counter() - began_s


def _refresh_s() -> float:
    began_s = time.perf_counter()
    ((job,),) = _ask(_JOB)
    _ask("CALL run_job(%s)", job)
    return time.perf_counter() - began_s


def _compare(rounds: int) -> tuple[float, bool]:
    """Print and return how many times faster the aggregate answers, and whether both say the same."""
    turns = [(_timed(_RAW), _timed(_AGGREGATE)) for _ in range(rounds)]
    raw_s, aggregate_s = (min(took) for took in zip(*turns, strict=True))
    raw, aggregated = _ask(_RAW), _ask(_AGGREGATE)
    print(f"  raw rows:      {raw_s * 1000:9.1f} ms, {_rows_read(_RAW):>10,} rows read, {len(raw):,} hours")
    print(f"  the aggregate: {aggregate_s * 1000:9.1f} ms, {_rows_read(_AGGREGATE):>10,} rows read")
    print(f"the aggregate is {raw_s / aggregate_s:.1f} times as fast (target {TARGET:.0f})")
    print("every hour agrees" if raw == aggregated else "hours differ")
    return raw_s / aggregate_s, raw == aggregated


def _settle_late() -> bool:
    ((hour, symbol),) = _ask(_LATE)
    _refresh_s()
    ((shown,),) = _ask(_SHOWN, hour, symbol)
    shows = shown > 900_000
    print(f"a settlement ten days late {'shows' if shows else 'is missing'} in its hour")
    return bool(shows)


def _retain() -> bool:
    from django.conf import settings  # late: needs Django's settings

    from ops.services import policies, retention  # late: as above

    series = replace(settings.ARB.series, retention_days={policies.AGGREGATED: KEPT_DAYS})
    settings.ARB = replace(settings.ARB, series=series)
    before = _ask(_AGGREGATE)
    policies.align()
    done = retention.prune(now=datetime.now(UTC))
    _refresh_s()
    ((left,),) = _ask("SELECT count(*) FROM arbitrage_opportunities")
    keeps = _ask(_AGGREGATE) == before
    print(f"retention of {KEPT_DAYS} days dropped {done.dropped_chunks} chunks and left {left:,} rows; of ", end="")
    print(f"{len(before):,} hours {'none is lost' if keeps else 'some are lost'}")
    return keeps


def _timed(sql: str) -> float:
    began_s = time.perf_counter()
    _ask(sql)
    return time.perf_counter() - began_s


def _rows_read(sql: str) -> int:
    ((told,),) = _ask(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
    (plan,) = json.loads(told) if isinstance(told, str) else told
    return round(_read_by(plan["Plan"]))


def _read_by(node: dict[str, Any]) -> float:
    parts = node.get("Plans", [])
    return sum(map(_read_by, parts)) if parts else node["Actual Rows"] * node["Actual Loops"]


def _ask(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    from django.db import connection  # late: needs Django's settings

    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return list(cursor.fetchall()) if cursor.description else []


if __name__ == "__main__":
    main()
