"""Replays of real candles: March 2023, the days around the loss of USDC's peg.

The data are not part of this project: the tests find them by ARB_RECORDED_DATA and skip where it is unset.
"""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from arbsite import config
from domain.costs import FeeSchedule, parse_fees
from trading.services.candles import COLUMNS
from trading.services.replay.options import ReplayOptions
from trading.services.replay.run import replay

FOLDER = config.current().recorded_data
MARCH_1_S, DAY_S = 1_677_628_800, 86_400

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.timeout(400),
    pytest.mark.skipif(FOLDER is None, reason="ARB_RECORDED_DATA is unset: no recorded market data to replay"),
]


def recorded(market: str) -> Path:
    assert FOLDER is not None
    return Path(FOLDER) / f"{market}_1m_2023-03-01_12.csv.gz"


def days_of(market: str, first: int, last: int, folder: Path) -> Path:
    """Write the days of March ``first`` to ``last`` of a recording to a file of their own."""
    since, until = MARCH_1_S + (first - 1) * DAY_S, MARCH_1_S + last * DAY_S
    lines = gzip.decompress(recorded(market).read_bytes()).decode().splitlines()[1:]
    kept = [line for line in lines if since <= int(line.partition(",")[0]) < until]
    path = folder / f"{market}_1m_{first}_{last}.csv"
    path.write_text("".join(f"{line}\n" for line in (",".join(COLUMNS), *kept)))
    return path


def scenario(bps: int) -> dict[str, FeeSchedule]:
    return dict(parse_fees(f"{venue}={bps}/{bps}") for venue in ("kraken", "binanceus"))


def test_at_ten_bps_most_calm_days_have_some(tmp_path):
    files = [days_of(market, 3, 6, tmp_path) for market in ("kraken_BTC-USDC", "binanceus_BTC-USDC")]
    per_day = replay(files, ReplayOptions(fees=scenario(5))).summary.per_day.values()
    assert len(per_day) == 4
    assert sum(day.opportunities > 0 for day in per_day) >= 3


def test_usdc_against_usd_is_no_opportunity_at_all():
    result = replay([recorded("kraken_BTC-USDC"), recorded("binanceus_BTC-USD")], ReplayOptions())
    assert result.summary.total.opportunities == 0
    assert result.summary.refused["conversion"]["no_conversion"] > 10_000
    assert set(result.summary.refused) == {"fresh", "conversion"}


def test_two_processes_with_databases_of_their_own_find_the_same_digest(tmp_path, public_folder):
    files = [days_of(market, 12, 12, tmp_path) for market in ("kraken_BTC-USDC", "binanceus_BTC-USDC")]
    here = replay(files, ReplayOptions())
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    asked = [sys.executable, "manage.py", "replay", *map(str, files), "--json"]
    done = subprocess.run(
        asked,
        cwd=config.current().checkout,
        env=kept | {"ARB_STATE_DIR": str(public_folder / "state"), "ARB_MODE": "dry_run"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["digest"] == here.digest
    assert told["run"] != here.run_id
    assert told["total"]["opportunities"] == here.summary.total.opportunities > 20
