"""``manage.py simulate --recording``: the venues of a recording, showing it again."""

import json
from dataclasses import replace
from decimal import Decimal
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command

from domain.errors import BadInput
from domain.gas import GasTerms
from domain.market import Asset, MarketKey, Pair
from domain.scope import Mode
from domain.timestamps import from_ns
from tests.fakes import MS, NOW_NS, POOL_VENUE, SIM, book, detect_config, pool
from trading.models import RecordedPage, Recording
from trading.services.recording.pages import PageEncoder
from trading.services.recording.terms import Terms

pytestmark = pytest.mark.django_db(transaction=True)

BTC = Pair.parse("BTC/USD")


def recorded(*, with_pool: bool = False) -> int:
    gas = {POOL_VENUE: GasTerms(120_000, Asset("ETH"))} if with_pool else {}
    config = replace(detect_config(), gas=gas)
    lot = next(iter(config.lots.values()))
    lots = {MarketKey(venue, BTC): lot for venue in ("kraken", "a7")}
    if with_pool:
        lots[MarketKey(POOL_VENUE, pool().pair)] = lot
    adapters = {"kraken": "kraken", "a7": "alpaca"} | {venue: venue for venue in gas}
    terms = Terms(replace(config, lots=lots), 1000, 250, adapters)
    started = from_ns(NOW_NS)
    row = Recording.objects.create(
        mode=Mode.SIM, process="collect", terms=terms.to_json(), started_at=started, heartbeat_at=started, pages=1
    )
    encoder = PageEncoder()
    for number in range(3):
        at_ns = NOW_NS + number * 50 * MS
        encoder.add(at_ns, book("kraken", "99.9", f"10{number}", at_ns=at_ns, seq=number + 1))
        if with_pool:
            encoder.add(at_ns, pool(at_ns=at_ns, seq=number + 1))
    page = encoder.take()
    assert page is not None
    RecordedPage.objects.create(
        **SIM.columns,
        recording=row,
        number=0,
        first_at=from_ns(page.first_at_ns),
        last_at=from_ns(page.last_at_ns),
        updates=page.updates,
        payload=page.payload(),
    )
    return row.pk


@pytest.fixture(autouse=True)
def _same_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "ARB", settings.ARB)


def test_a_recording_is_played_to_its_end_and_its_venues_are_announced():
    out = StringIO()
    call_command("simulate", recording=recorded(), recorded_in="sim", speed=5.0, json=True, stdout=out)
    told = json.loads(out.getvalue())["variables"]
    assert told["ARB_KRAKEN_WS_URL"].startswith("ws://127.0.0.1:")
    assert told["ARB_MORE_VENUES"].startswith("a7=alpaca@http://127.0.0.1:")
    assert told["ARB_PAIRS"] == "BTC/USD"


def test_the_pools_of_a_recording_are_left_out_by_name():
    out, errors = StringIO(), StringIO()
    options = {"recorded_in": "sim", "speed": 5.0, "json": True}
    call_command("simulate", recording=recorded(with_pool=True), stdout=out, stderr=errors, **options)
    assert json.loads(out.getvalue())["variables"]["ARB_PAIRS"] == "BTC/USD"
    assert f"no chain is played: {POOL_VENUE} left out" in errors.getvalue()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"recording": 987_654}, "there is no recording 987654"),
        ({"recording": 1, "recorded_in": "nowhere"}, "nowhere"),
        ({"recording": 1, "recorded_in": "replay"}, "nothing is recorded in replay"),
    ],
)
def test_a_recording_that_cannot_be_had_is_refused_by_name(options, named):
    with pytest.raises(BadInput, match=named):
        call_command("simulate", **{"recorded_in": "sim", **options})


def test_a_speed_that_is_none_is_refused():
    with pytest.raises(BadInput, match="speed"):
        call_command("simulate", recording=recorded(), recorded_in="sim", speed=float(Decimal(0)))
