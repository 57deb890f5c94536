"""Snapshots: what is appended is what is read."""

from decimal import Decimal

import pytest

from domain.timestamps import from_ns
from tests.fakes import NOW_NS, SIM
from trading.models import MarketSnapshot
from trading.services.snapshots import Snapshot, append_snapshots


@pytest.mark.django_db
def test_a_snapshot_is_kept_in_its_scope_with_every_digit():
    at = from_ns(NOW_NS)
    given = [
        Snapshot(at, "kraken", "BTC/USD", Decimal("0.1"), Decimal("0.200000000000000001"), Decimal(5), Decimal(6)),
        Snapshot(at, "uniswap_v2", "ETH/USDC", Decimal(1800), Decimal(1810)),
    ]
    assert append_snapshots(SIM, given) == 2
    kept = MarketSnapshot.objects.in_scope(SIM).order_by("venue").values_list(*Snapshot._fields)
    assert list(kept) == [tuple(one) for one in given]
