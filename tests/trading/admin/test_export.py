"""The export: every row of the filtered list, in full figures, in pieces."""

import csv
import io
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ops.admin import export
from tests.trading.models.rows import make
from trading.models import Opportunity, Recording

EXPORT = "admin:trading_opportunity_export"


def exported(client, **asked) -> list[dict[str, str]]:
    answer = client.get(reverse(EXPORT), asked)
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def test_the_filtered_list_is_exported_whole_newest_first(operator, monkeypatch):
    monkeypatch.setattr(export, "_PIECE", 3)
    rows = [make(Opportunity, timestamp=f"2026-11-22T08:00:0{second}Z") for second in (1, 2, 2, 2, 2, 3, 4)]
    make(Opportunity, reason="halted", symbol="ETH/USD")
    make(Opportunity, mode="live")
    told = exported(operator, symbol="BTC/USD")
    assert [int(row["id"]) for row in told] == [row.pk for row in reversed(rows)]


def test_amounts_are_exported_in_full_and_documents_are_not(operator):
    make(Opportunity, edge_bps=Decimal("79.900000000000000001"), profit_usd=None)
    (row,) = exported(operator)
    assert row["edge_bps"] == "79.900000000000000001"
    assert row["timestamp"] == "2026-11-22T08:00:00+00:00"
    assert row["profit_usd"] == ""
    assert "books" not in row


def test_text_that_a_spreadsheet_would_run_is_defused(operator):
    make(Opportunity, reason="=HYPERLINK(1)")
    assert exported(operator)[0]["reason"] == "'=HYPERLINK(1)"


def test_an_export_holds_no_more_rows_at_once_than_a_piece(operator, monkeypatch):
    monkeypatch.setattr(export, "_PIECE", 2)
    for _ in range(5):
        make(Opportunity)
    with CaptureQueriesContext(connection) as queries:
        exported(operator)
    pieces = [one["sql"] for one in queries.captured_queries if one["sql"].endswith("LIMIT 2")]
    assert len(pieces) == 3


def test_a_list_leads_to_its_export_with_its_filters(operator):
    page = operator.get(reverse("admin:trading_opportunity_changelist"), {"symbol": "BTC/USD"}).content.decode()
    assert f'href="{reverse(EXPORT)}?symbol=BTC%2FUSD"' in page


def test_a_table_of_bytes_and_documents_is_exported_without_them(operator):
    make(Recording, terms={"a": 1})
    text = operator.get(reverse("admin:trading_recording_export")).getvalue().decode()
    assert "terms" not in text
    assert "collect" in text


@pytest.mark.django_db
def test_who_may_not_see_the_rows_may_not_export_them(client):
    client.force_login(User.objects.create_user("guest", is_staff=True))
    assert client.get(reverse(EXPORT)).status_code == 403
