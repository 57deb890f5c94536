"""Every SQL statement of the operator's guide runs as printed, through psql, on whichever server this is."""

import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from arbsite import config
from tests.trading.models.rows import make
from trading.models import ExecutionLog, MarketVolatility, Opportunity

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
COUNT = "SELECT COUNT(*) FROM arbitrage_opportunities;"
OPPORTUNITIES = """SELECT symbol, edge_bps, executed, profitable, profit_quote
FROM arbitrage_opportunities
WHERE timestamp > NOW() - INTERVAL '24 hours'
ORDER BY timestamp DESC;"""
VOLATILITY = """SELECT symbol, volatility_24h, returns_1h, volume_24h
FROM market_volatility
WHERE timestamp > NOW() - INTERVAL '1 hour'
ORDER BY timestamp DESC;"""
EXECUTIONS = """SELECT symbol, success, profit_usd, gas_cost_usd, tx_hash
FROM execution_logs
WHERE timestamp > NOW() - INTERVAL '24 hours'
ORDER BY timestamp DESC;"""
MODELS = """SELECT model_name, accuracy, avg_actual_profit, timestamp
FROM model_performance
ORDER BY timestamp DESC
LIMIT 10;"""
EXECUTED = "SELECT COUNT(*) FROM arbitrage_opportunities WHERE executed = TRUE"
INDEX = """CREATE INDEX IF NOT EXISTS idx_arb_profitable_time
ON arbitrage_opportunities (profitable, timestamp DESC)
WHERE executed = TRUE;"""
VACUUM = "VACUUM ANALYZE arbitrage_opportunities;"
BY_SYMBOL = """SELECT
    symbol,
    CAST(COUNT(*) FILTER (WHERE profitable = TRUE) AS FLOAT) /
    NULLIF(COUNT(*) FILTER (WHERE executed = TRUE), 0) as win_rate
FROM arbitrage_opportunities
WHERE executed = TRUE
GROUP BY symbol
ORDER BY win_rate DESC;"""
HOURLY = """SELECT
    time_bucket('1 hour', timestamp) AS hour,
    SUM(profit_quote) as total_profit
FROM arbitrage_opportunities
WHERE executed = TRUE AND profitable = TRUE
GROUP BY hour
ORDER BY hour DESC;"""
TABLES = (
    "arbitrage_opportunities", "market_volatility", "execution_logs", "model_performance",
)  # fmt: skip
AGGREGATES = ("ml_training_data", "hourly_performance", "daily_profitability")


@pytest.fixture
def _a_day():
    """Store an hour with a win and a loss, and a row of everything else that is asked for."""
    for minutes, profit in ((70, 3), (75, -1)):
        result = {"profit_quote": profit, "profit_usd": profit, "profitable": profit > 0}
        make(Opportunity, timestamp=NOW - timedelta(minutes=minutes), executed=True, **result)
    make(MarketVolatility, timestamp=NOW - timedelta(minutes=5))
    make(ExecutionLog, timestamp=NOW - timedelta(minutes=5))


def psql(*arguments: str, given: str = "") -> str:
    """Return what psql prints when it is started as the guide starts it, against our own server."""
    server = config.current().database
    done = subprocess.run(
        ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", server.host, "-p", str(server.port), "-U", server.user,
         "-d", connection.settings_dict["NAME"], *arguments],
        env=os.environ | {"PGPASSWORD": server.password.reveal(), "PAGER": "cat"},
        input=given, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("_a_day")
def test_every_query_of_the_guide_finds_its_rows_in_one_session():
    said = psql("-At", given=f"{COUNT}{OPPORTUNITIES}{VOLATILITY}{EXECUTIONS}{MODELS}{BY_SYMBOL}")
    count, *opportunities = said.splitlines()[:3]
    assert count == "2"
    assert [row.split("|")[2:4] for row in opportunities] == [["t", "t"], ["t", "f"]]
    assert said.splitlines()[-1] == "BTC/USD|0.5"
    assert len(said.splitlines()) == 6


@pytest.mark.usefixtures("_a_day")
def test_hourly_profit_needs_no_name_of_a_schema():
    hours = psql("-At", "-c", HOURLY).splitlines()
    assert [float(row.split("|")[1]) for row in hours] == [3]


@pytest.mark.usefixtures("_a_day")
def test_executed_trades_are_counted_on_one_line():
    assert psql("-c", EXECUTED).split()[2] == "2"


def test_the_tables_are_listed():
    listed = psql("-At", "-c", r"\dt")
    assert all(f"|{table}|" in listed for table in TABLES)
    for aggregate in AGGREGATES:
        assert psql("-At", "-c", f"SELECT count(*) FROM {aggregate}").strip() == "0"


def test_the_index_of_the_guide_is_there_and_is_the_one_it_would_make():
    assert psql("-c", INDEX).strip() == "CREATE INDEX"
    (made,) = psql("-At", "-c", "SELECT indexdef FROM pg_indexes WHERE indexname = 'idx_arb_profitable_time' "
                   "AND tablename = 'arbitrage_opportunities'").splitlines()  # fmt: skip
    assert made.endswith('(profitable, "timestamp" DESC) WHERE executed')


def test_vacuum_runs_as_printed():
    assert psql("-c", VACUUM).strip() == "VACUUM"
