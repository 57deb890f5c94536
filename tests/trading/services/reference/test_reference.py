"""Reference data: confirmed while it stays the same, a new version and an event when it does not."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.costs import FeeSchedule
from domain.errors import Refused, Unreachable
from domain.market import MarketKey, Pair
from domain.secret import Secret
from domain.terms import Lot
from domain.timestamps import from_ns
from ops.models import Alert
from tests.fakes import BTC_USD, NOW_NS, SIM, FixedClock
from trading.models import FactKind, ReferenceFact
from trading.services.reference import fees_now, known_fees, known_reference, record, refresh
from trading.services.reference.contracts import of_contracts
from trading.services.reference.refresh import record_listings
from trading.services.reference.terms import charged_at, detect_config
from trading.venues.base import AccountView, Listing

pytestmark = pytest.mark.django_db

LOT = Lot(Decimal("0.0001"), Decimal("0.0001"), Decimal("0.5"), Decimal("0.1"))
FINER = replace(LOT, tick=Decimal("0.01"))
PAIRS = (BTC_USD, Pair.parse("ETH/USD"))


class Venue:
    """States what it is told to, or fails."""

    def __init__(self, *lots: Lot, fees: FeeSchedule | None = None, error: Exception | None = None) -> None:
        self.lots = dict(zip(PAIRS, lots, strict=False))
        self.fees = fees
        self.error = error
        self.account_error: Exception | None = None

    def listings(self):
        if self.error:
            raise self.error
        return tuple(Listing(pair, lot, pair.symbol) for pair, lot in self.lots.items())

    def account(self):
        if self.account_error or self.error:
            raise self.account_error or self.error
        return AccountView({}, self.fees, NOW_NS)


def told(*, at_s: int = 0, **venues: Venue):
    return refresh(SIM, clock=FixedClock(NOW_NS + at_s * 10**9), sources=venues, pairs=PAIRS)


def versions(subject: str) -> list[tuple[int, bool]]:
    facts = ReferenceFact.objects.in_scope(SIM).filter(subject=subject).order_by("version")
    return [(fact.version, fact.valid_until is None) for fact in facts]


def test_what_stays_the_same_is_confirmed_and_no_event():
    told(kraken=Venue(LOT, LOT))
    again = told(at_s=600, kraken=Venue(LOT, LOT))
    assert again.changes == ()
    assert versions("kraken:BTC/USD") == [(1, True)]
    fact = ReferenceFact.objects.get(subject="kraken:BTC/USD")
    assert fact.confirmed_at - fact.valid_from == timedelta(seconds=600)
    assert not Alert.objects.exists()


def test_a_change_is_a_new_version_and_calls_people():
    told(kraken=Venue(LOT))
    (change,) = told(at_s=5, kraken=Venue(FINER)).changes
    assert change.in_words == "kraken:BTC/USD: tick 0.1 → 0.01 (kraken listings)"
    assert versions("kraken:BTC/USD") == [(1, False), (2, True)]
    first, second = ReferenceFact.objects.filter(subject="kraken:BTC/USD").order_by("version")
    assert first.valid_until == second.valid_from == from_ns(NOW_NS + 5 * 10**9)
    assert Alert.objects.get().title == "kraken:BTC/USD has changed"


def test_of_several_streams_that_hear_listings_none_overrules_what_is_stated():
    told(kraken=Venue(LOT))
    heard = {"kraken": Venue(FINER, FINER).listings()}
    (change,) = record_listings(heard, scope=SIM, clock=FixedClock(NOW_NS + 10**9), only_new=True)
    assert change.subject == "kraken:ETH/USD" and versions("kraken:ETH/USD") == versions("kraken:BTC/USD") == [
        (1, True)
    ]
    assert known_reference(SIM).lots[MarketKey("kraken", BTC_USD)] == LOT
    (change,) = record_listings(heard, scope=SIM, clock=FixedClock(NOW_NS + 10**9))  # the stream of all pairs does
    assert change.subject == "kraken:BTC/USD"


def test_a_pair_that_is_listed_no_longer_ends_and_may_come_back_as_a_later_version():
    told(kraken=Venue(LOT, LOT))
    (gone,) = told(at_s=1, kraken=Venue(LOT)).changes
    assert (gone.subject, gone.after) == ("kraken:ETH/USD", None)
    assert MarketKey("kraken", PAIRS[1]) not in known_reference(SIM).lots
    told(at_s=2, kraken=Venue(LOT, LOT))
    assert versions("kraken:ETH/USD") == [(1, False), (2, True)]


def test_versions_never_overlap_though_a_refresh_that_began_earlier_is_stored_later():
    told(at_s=0, kraken=Venue(LOT))
    told(at_s=9, kraken=Venue())
    told(at_s=5, kraken=Venue(LOT))
    first, second = ReferenceFact.objects.filter(subject="kraken:BTC/USD").order_by("version")
    assert first.valid_until == second.valid_from == from_ns(NOW_NS + 9 * 10**9)


def test_a_venue_that_is_away_keeps_what_it_stated_and_holds_up_no_other():
    told(kraken=Venue(LOT), alpaca=Venue(LOT))
    found = told(at_s=1, kraken=Venue(error=Unreachable("timed out")), alpaca=Venue(FINER))
    assert found.problems == {"kraken": "timed out"}
    assert [change.subject for change in found.changes] == ["alpaca:BTC/USD"]
    assert known_reference(SIM).lots == {MarketKey("kraken", BTC_USD): LOT, MarketKey("alpaca", BTC_USD): FINER}


def test_lots_read_back_digit_for_digit():
    told(kraken=Venue(LOT))
    assert known_reference(SIM).lots[MarketKey("kraken", BTC_USD)] == LOT
    assert known_reference(SIM).pairs == {"kraken": (BTC_USD,)}


def test_what_an_account_says_it_pays_is_reckoned_with_and_without_a_key_the_dated_table():
    told(kraken=Venue(LOT, fees=FeeSchedule(Decimal(10), Decimal(20), source="Kraken TradeVolume")))
    of_account = known_fees(SIM, now=from_ns(NOW_NS))
    assert charged_at("kraken", of_account).taker_bps == 20
    assert charged_at("kraken", {}).taker_bps == 40
    keyless = Venue(LOT)
    keyless.account_error = Refused("needs a key")
    told(at_s=1, kraken=keyless)
    assert known_fees(SIM, now=from_ns(NOW_NS)) == {}
    assert versions("kraken") == [(1, False), (2, True)]


def test_an_account_that_is_away_for_a_moment_changes_no_fee():
    told(kraken=Venue(LOT, fees=FeeSchedule(Decimal(10), Decimal(20), source="Kraken TradeVolume")))
    away = Venue(LOT)
    away.account_error = Unreachable("503")
    assert told(at_s=1, kraken=away).changes == ()
    assert known_fees(SIM, now=from_ns(NOW_NS))["kraken"].taker_bps == 20


def test_the_word_of_an_account_that_nobody_confirmed_for_long_no_longer_counts():
    told(kraken=Venue(LOT, fees=FeeSchedule(Decimal(10), Decimal(20), source="Kraken TradeVolume")))
    assert known_fees(SIM, now=from_ns(NOW_NS) + timedelta(days=8)) == {}


def test_fees_that_the_settings_state_win_over_the_account(settings):
    stated = replace(
        settings.ARB.trading, fees={"kraken": type("F", (), {"maker_bps": Decimal(1), "taker_bps": Decimal(2)})()}
    )
    settings.ARB = replace(settings.ARB, trading=stated)
    account = {"kraken": FeeSchedule(Decimal(10), Decimal(20), source="account: Kraken TradeVolume")}
    assert charged_at("kraken", account).taker_bps == 2


def test_decisions_go_by_the_near_misses_and_the_exploration_that_the_settings_state(settings):
    stated = replace(settings.ARB.trading, near_miss_bps=Decimal(7), exploration_share=Decimal("0.25"))
    settings.ARB = replace(settings.ARB, trading=stated)
    config = detect_config({})
    assert (config.near_miss_bps, config.exploration_share) == (7, Decimal("0.25"))


def test_tokens_and_pools_of_a_watched_chain_are_stated_and_leave_with_their_table(settings):
    arb = settings.ARB
    settings.ARB = replace(arb, venues=replace(arb.venues, chains=(watched(arb),)))
    statements = of_contracts(settings.ARB.venues)
    by_subject = {one.subject: one.stated for one in statements}
    usdc = by_subject["ethereum:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"]
    assert usdc == {"symbol": "USDC", "decimals": "6", "stands_for": "USDC"}
    assert {one["venue"] for one in by_subject.values() if "venue" in one} >= {"uniswap_v2", "sushiswap"}
    record(statements, scope=SIM, now=from_ns(NOW_NS))
    gone = record(statements[1:], scope=SIM, now=from_ns(NOW_NS + 1), whole=(FactKind.CONTRACT,))
    assert [(one.subject, one.after) for one in gone] == [(statements[0].subject, None)]


def watched(arb):
    """Return Ethereum as watched, by a node that nobody asks here."""
    (chain,) = (one for one in arb.venues.chains if one.name == "ethereum")
    return replace(chain, rpc_urls=(Secret("http://127.0.0.1:9"),))


def test_executions_are_charged_what_decisions_reckon_with():
    told(kraken=Venue(LOT, fees=FeeSchedule(Decimal(10), Decimal(20), source="Kraken TradeVolume")))
    charged = fees_now(SIM, now=from_ns(NOW_NS))
    assert (charged["kraken"].taker_bps, charged["alpaca"].taker_bps) == (20, 25)
