"""Appending by COPY: the same rows that the ORM would write, all of them or none."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from ops.bulk import append_rows
from trading.models import MarketSnapshot, MarketVolatility

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 22, 8, 0, 0, 123456, tzinfo=UTC)
COLUMNS = ("mode", "run_id", "timestamp", "venue", "symbol", "bid", "ask", "bid_depth_usd", "ask_depth_usd")


def snapshot(bid: str, ask: str = "101") -> tuple[object, ...]:
    return "sim", "", AT, "a", "BTC/USD", Decimal(bid), Decimal(ask), Decimal("1e-18"), Decimal("1234567890.5")


def test_what_is_appended_is_what_the_orm_would_have_written():
    assert append_rows(MarketSnapshot, COLUMNS, map(snapshot, ("100", "99.123456789012345678", "1E+3"))) == 3
    (written,) = MarketSnapshot.objects.filter(bid=Decimal("99.123456789012345678"))
    MarketSnapshot.objects.create(**dict(zip(COLUMNS, snapshot("99.123456789012345678"), strict=True)))
    saved = MarketSnapshot.objects.exclude(pk=written.pk).get(bid=written.bid)
    assert [getattr(written, name) for name in COLUMNS] == [getattr(saved, name) for name in COLUMNS]
    assert len(set(MarketSnapshot.objects.values_list("id", flat=True))) == 4


def test_floats_and_nothing_at_all_are_kept():
    names = ("mode", "run_id", "timestamp", "venue", "symbol", "volatility_1h", "volatility_24h")
    append_rows(MarketVolatility, names, [("sim", "", AT, "a", "BTC/USD", 0.1 + 0.2, None)])
    row = MarketVolatility.objects.get()
    assert (row.volatility_1h, row.volatility_24h, row.volume_24h) == (0.1 + 0.2, None, None)


def test_no_row_is_no_row():
    assert append_rows(MarketSnapshot, COLUMNS, []) == 0


def test_a_row_that_breaks_a_constraint_refuses_them_all():
    with pytest.raises(IntegrityError, match="snapshot_prices_positive"), transaction.atomic():
        append_rows(MarketSnapshot, COLUMNS, map(snapshot, ("100", "0")))
    assert not MarketSnapshot.objects.exists()
