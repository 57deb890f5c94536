"""What a watch of the markets tells of itself when it is asked: it counts all this anyway, and pays nothing more."""

from collections import Counter
from collections.abc import Iterator

from ops import metering
from ops.metering import Kind, Meter, Sample
from trading.marketdata.feeds import Feeds, VenueStatus
from trading.marketdata.price_cache import PriceCache
from trading.marketdata.venue_score import BEST, score_of
from trading.services.writer import Writer

_BY_VENUE = ("venue",)
MESSAGES = Meter("arbsite_venue_messages_total", "Messages that came.", _BY_VENUE)
BOOKS = Meter("arbsite_venue_books_total", "Sound books and pools that came.", _BY_VENUE)
REFUSED = Meter("arbsite_venue_refused_total", "Books and pools refused, by reason.", ("venue", "reason"))
RECONNECTS = Meter("arbsite_venue_reconnects_total", "Connections lost.", _BY_VENUE)
CONNECTED = Meter("arbsite_venue_connected", "Whether the connection stands.", _BY_VENUE, Kind.GAUGE)
BOOK_AGE = Meter("arbsite_venue_book_age_seconds", "Age of the youngest sound book.", _BY_VENUE, Kind.GAUGE)
SKEW = Meter("arbsite_venue_clock_skew_seconds", "The venue's clock less ours.", _BY_VENUE, Kind.GAUGE)
LATENCY = Meter("arbsite_venue_latency_seconds", "How late messages come.", ("venue", "percentile"), Kind.GAUGE)
HEALTH = Meter("arbsite_venue_health_ratio", "How far the data can be trusted, 0 to 1.", _BY_VENUE, Kind.GAUGE)
CACHED = Meter("arbsite_price_cache_books_total", "Books written to the price cache.")
CACHE_UP = Meter("arbsite_price_cache_available", "Whether the price cache took the last write.", (), Kind.GAUGE)
WAITING = Meter("arbsite_writer_waiting_jobs", "Writes that wait for the writer thread.", (), Kind.GAUGE)
DROPPED = Meter("arbsite_writer_dropped_total", "Writes dropped because too many waited.")
FAILED = Meter("arbsite_writer_failed_total", "Writes that failed for good.")


def tell_of_watch(feeds: Feeds, cache: PriceCache, writer: Writer) -> None:
    """Tell of these from now on, in place of an earlier watch of this process."""
    metering.watch("feeds", lambda: _of_feeds(feeds))
    metering.watch("writing", lambda: _of_writing(cache, writer))


def _of_feeds(feeds: Feeds) -> Iterator[Sample]:
    for status in feeds.latest:  # of the last second: the board asks for it once a second
        yield from _of_venue(status)


def _of_venue(status: VenueStatus) -> Iterator[Sample]:
    feed = status.feed
    of = (feed.venue,)
    yield Sample(MESSAGES, feed.messages, of)
    yield Sample(BOOKS, feed.books, of)
    yield Sample(RECONNECTS, feed.reconnects, of)
    yield Sample(CONNECTED, status.is_connected, of)
    yield Sample(HEALTH, score_of(status).points / BEST, of)
    for reason, count in (Counter(feed.refused) + Counter(status.refused_later)).items():
        yield Sample(REFUSED, count, (feed.venue, reason))
    if status.age_ms is not None:
        yield Sample(BOOK_AGE, status.age_ms / 1000, of)
    if feed.clock_offset_ms is not None:
        yield Sample(SKEW, feed.clock_offset_ms / 1000, of)
    for percentile, latency_ms in (("50", feed.latency_p50_ms), ("99", feed.latency_p99_ms)):
        if latency_ms is not None:
            yield Sample(LATENCY, latency_ms / 1000, (feed.venue, percentile))


def _of_writing(cache: PriceCache, writer: Writer) -> Iterator[Sample]:
    yield Sample(CACHED, cache.written)
    yield Sample(CACHE_UP, cache.is_available)
    yield Sample(WAITING, writer.waiting)
    yield Sample(DROPPED, writer.counts["dropped"])
    yield Sample(FAILED, writer.counts["failed"])
