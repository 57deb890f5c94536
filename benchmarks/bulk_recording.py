"""Bulk recording by binary COPY against ``bulk_create``, into the same tables, in a database of its own.

    python -m benchmarks.bulk_recording [--rows 20000] [--rounds 5]

The baseline, in the same run: Django's ``bulk_create`` of the same values. Both begin with values in memory and end
committed; rows are counted in the table after each, and each way's quickest round counts. Exit 1 where both tables
together stay below the target.
"""

import argparse
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.money import quantize_down

TARGET = 6.0
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
VENUES, SYMBOLS = ("kraken", "alpaca"), ("BTC/USD", "ETH/USD", "ETH/USDC", "BTC/USDC", "SOL/USD")
Values = list[tuple[Any, ...]]


def main() -> None:
    """Run every round and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    with _database():
        took = [_compare(name, told.rows, told.rounds) for name in ("PriceBar", "MarketSnapshot")]
    slow_s, quick_s = (sum(seconds) for seconds in zip(*took, strict=True))
    print(f"both tables: COPY is {slow_s / quick_s:.1f} times as fast as bulk_create (target {TARGET:.0f})")
    raise SystemExit(slow_s / quick_s < TARGET)


@contextmanager
def _database() -> Iterator[None]:
    """Start a server, migrate a database on it, and leave nothing of either behind."""
    state_dir = Path(f"/var/tmp/arbsite-bulk-{os.getpid()}")  # noqa: S108 - the database's own user must reach it
    os.environ.pop("DATABASE_URL", None)
    os.environ |= {"ARB_ENV_FILE": "none", "ARB_MODE": "sim", "ARB_STATE_DIR": str(state_dir)}
    with ExitStack() as held:
        held.callback(shutil.rmtree, state_dir, ignore_errors=True)
        from arbsite import config, entry  # late: reads the environment set above

        config.name_settings_module()
        held.enter_context(entry.lease_services())
        import django  # late: as above

        django.setup()
        from django.db import connection  # late: needs the set-up above

        from arbsite.setup.schema import ensure_migrated  # late: as above

        ensure_migrated(applies=True)
        held.callback(connection.close)
        yield


def _compare(name: str, count: int, rounds: int) -> tuple[float, float]:
    """Print and return what both ways cost for one table, in seconds: bulk_create and COPY."""
    from ops.bulk import append_rows  # late: needs the set-up above
    from trading import models  # late: as above

    model = getattr(models, name)
    names, rows = _ROWS[name]
    turns = [
        (
            _timed(model, lambda values: _bulk_create(model, names, values), rows(count)),
            _timed(model, lambda values: append_rows(model, names, values), rows(count)),
        )
        for _ in range(rounds)
    ]
    slow_s, quick_s = (min(took) for took in zip(*turns, strict=True))
    print(f"{model._meta.db_table}, {count} rows of {len(names)} columns, counted in the table each time:")
    print(f"  bulk_create {count / slow_s:9,.0f} rows/s")
    print(f"  COPY        {count / quick_s:9,.0f} rows/s: {slow_s / quick_s:.1f} times as fast")
    return slow_s, quick_s


def _timed(model: Any, write: Callable[[Values], object], values: Values) -> float:
    _empty(model._meta.db_table)
    began_s = time.perf_counter()
    write(values)
    took_s = time.perf_counter() - began_s
    written = model.objects.count()
    if written != len(values):
        raise SystemExit(f"{written} rows are in {model._meta.db_table}, {len(values)} were written")
    return took_s


def _empty(table: str) -> None:
    from django.db import connection  # late: needs the set-up above

    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")
        cursor.execute("CHECKPOINT")  # nothing of an earlier round is left to be written in this one


def _bulk_create(model: Any, names: Sequence[str], values: Values) -> None:
    model.objects.bulk_create(model(**dict(zip(names, row, strict=True))) for row in values)


def _bars(count: int) -> Values:
    return [
        ("sim", "", "kraken", "BTC/USD", BEGAN + timedelta(minutes=number), *_prices(number), "books", BEGAN)
        for number in range(count)
    ]


def _prices(number: int) -> Sequence[Decimal]:
    middle = Decimal(6_000_000 + number % 997).scaleb(-2)
    return middle, middle + 3, middle - 2, middle + 1, Decimal(number % 1_009).scaleb(-8)


def _snapshots(count: int) -> Values:
    """Return what a watch of ten markets writes every ten seconds: depths have the 18 decimals of the column."""
    return [
        ("sim", "", BEGAN + timedelta(seconds=number // 10 * 10), VENUES[number % 2], SYMBOLS[number % 5], *quoted)
        for number in range(count)
        for _, ask, bid, _, depth in (_prices(number),)
        for quoted in ((ask, bid, quantize_down(depth * bid), quantize_down(depth * ask)),)
    ]


_SCOPE = ("mode", "run_id")
_ROWS: dict[str, tuple[Sequence[str], Callable[[int], Values]]] = {
    "PriceBar": (
        (*_SCOPE, "venue", "symbol", "timestamp", "open", "high", "low", "close", "volume", "source", "written_at"),
        _bars,
    ),
    "MarketSnapshot": (
        (*_SCOPE, "timestamp", "venue", "symbol", "ask", "bid", "bid_depth_usd", "ask_depth_usd"),
        _snapshots,
    ),
}


if __name__ == "__main__":
    main()
