"""A watch of the markets tells of its venues and its writer what they counted, and nothing by pair."""

from random import Random

from ops import collectors
from tests.fakes import NOW_NS, SIM, FixedClock
from tests.told import value_of
from trading.marketdata.feeds import Feeds
from trading.marketdata.price_cache import PriceCache
from trading.services.stream.metrics import tell_of_watch
from trading.services.writer import Writer
from trading.venues.health import FeedHealth


class Source:
    """A venue whose feed has counted this much."""

    venue = "kraken"

    def __init__(self) -> None:
        self.health = FeedHealth("kraken", origin="kraken")
        self.health.connected(NOW_NS)
        self.health.heard(NOW_NS)
        self.health.sound(venue_at_ns=NOW_NS, seen_at_ns=NOW_NS)
        self.health.refused["checksum"] = 3

    @property
    def status(self):
        return self.health.status()


def test_venues_and_writer_are_told_as_they_counted():
    clock, writer = FixedClock(), Writer(capacity=1)
    feeds = Feeds([Source()], {}, lambda book: None, clock=clock, rng=Random(1))
    tell_of_watch(feeds, PriceCache(None, SIM), writer)
    try:
        assert value_of("arbsite_venue_messages_total", venue="kraken") == 0
        feeds.statuses()
        assert value_of("arbsite_venue_messages_total", venue="kraken") == 1
        assert value_of("arbsite_venue_refused_total", venue="kraken", reason="checksum") == 3
        assert value_of("arbsite_venue_connected", venue="kraken") == 1
        assert value_of("arbsite_venue_book_age_seconds", venue="kraken") < 1
        writer.submit("one", lambda: None)
        writer.submit("two", lambda: None)
        assert value_of("arbsite_writer_waiting_jobs") == 1
        assert value_of("arbsite_writer_dropped_total") == 1
    finally:
        collectors.register("feeds", list)
        collectors.register("writing", list)
