"""Minute bars as rows: those of the books we saw, those that venues tell, each minute once.

A bar that comes again changes nothing, a later word corrects the earlier one, and a minute of which nobody tells stays
absent. Where we saw the books their middle prices stand, and the venue's own candle adds what was traded.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from domain.scope import Scope
from domain.timestamps import NS_PER_S, from_ns
from ops.bulk import copy_into
from trading.models import PriceSource
from trading.venues.bars import MinuteBar

_INTO = """
INSERT INTO price_bars (mode, run_id, venue, symbol, timestamp, open, high, low, close, volume, source, written_at)
"""
_ONCE = "ON CONFLICT (mode, run_id, venue, symbol, timestamp) DO UPDATE SET"

_FROM_BOOKS = f"""
{_INTO}
SELECT %(mode)s, %(run_id)s, venue, symbol, minute, (array_agg(middle ORDER BY timestamp, id))[1], max(middle),
       min(middle), (array_agg(middle ORDER BY timestamp DESC, id DESC))[1], NULL, '{PriceSource.BOOKS}',
       clock_timestamp()
FROM (SELECT venue, symbol, id, timestamp, ((bid + ask) / 2)::numeric(38, 18) AS middle,
             date_bin('1 minute', timestamp, '2000-01-03') AS minute
      FROM market_snapshots
      WHERE mode = %(mode)s AND run_id = %(run_id)s AND timestamp >= %(since)s AND timestamp < %(until)s) AS seen
GROUP BY venue, symbol, minute
{_ONCE} open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        source = excluded.source, written_at = excluded.written_at
WHERE (price_bars.open, price_bars.high, price_bars.low, price_bars.close, price_bars.source)
      IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.source)
"""  # noqa: S608

_VENUE_COLUMNS = {
    "venue": "text",
    "symbol": "text",
    "timestamp": "timestamptz",
    **dict.fromkeys(("open", "high", "low", "close", "volume"), "numeric"),
}
_MAKE_ROOM = (
    f"CREATE TEMP TABLE venue_bars ({', '.join(' '.join(one) for one in _VENUE_COLUMNS.items())}) ON COMMIT DROP"
)
_OURS = f"price_bars.source = '{PriceSource.BOOKS}'"
_FROM_VENUE = f"""
{_INTO}
SELECT %(mode)s, %(run_id)s, venue, symbol, timestamp, open, high, low, close, volume, '{PriceSource.VENUE}',
       clock_timestamp()
FROM venue_bars
{_ONCE} open = CASE WHEN {_OURS} THEN price_bars.open ELSE excluded.open END,
        high = CASE WHEN {_OURS} THEN price_bars.high ELSE excluded.high END,
        low = CASE WHEN {_OURS} THEN price_bars.low ELSE excluded.low END,
        close = CASE WHEN {_OURS} THEN price_bars.close ELSE excluded.close END,
        volume = excluded.volume, written_at = excluded.written_at
WHERE price_bars.volume IS DISTINCT FROM excluded.volume
   OR NOT {_OURS} AND (price_bars.open, price_bars.high, price_bars.low, price_bars.close)
                      IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close)
"""  # noqa: S608


def record_books(scope: Scope, *, since: datetime, until: datetime) -> int:
    """Write the minutes of the snapshots in the span (whole minutes), and return how many are new or different."""
    with connection.cursor() as cursor:
        cursor.execute(_FROM_BOOKS, {**scope.columns, "since": since, "until": until})
        return int(cursor.rowcount)


def record_venue_bars(scope: Scope, venue: str, symbol: str, bars: Iterable[MinuteBar]) -> int:
    """Write what a venue tells of one market, each minute once, and return how many minutes are new or different."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_MAKE_ROOM)
        copy_into(
            "venue_bars", _VENUE_COLUMNS, ((venue, symbol, from_ns(bar.minute_s * NS_PER_S), *bar[1:]) for bar in bars)
        )
        cursor.execute(_FROM_VENUE, dict(scope.columns))
        changed = int(cursor.rowcount)
        cursor.execute("DROP TABLE venue_bars")  # within a longer transaction there may be a next one
        return changed
