"""What a watch of the markets tells of itself when it is asked: it counts all this anyway, and pays nothing more."""

from collections import Counter
from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from ops import collectors
from trading.marketdata.feeds import Feeds, VenueStatus
from trading.marketdata.price_cache import PriceCache
from trading.marketdata.venue_score import BEST, score_of
from trading.services.writer import Writer


def tell_of_watch(feeds: Feeds, cache: PriceCache, writer: Writer) -> None:
    """Tell of these from now on, in place of an earlier watch of this process."""
    collectors.register("feeds", lambda: of_venues(feeds.latest))  # of the last second: the board asks once a second
    collectors.register("writing", lambda: of_writing(cache, writer))


def of_venues(statuses: Iterable[VenueStatus]) -> list[Metric]:
    """Return what the feed of each venue has counted, and how far its data can be trusted."""
    messages = _counter("messages", "Messages that came.")
    books = _counter("books", "Sound books and pools that came.")
    refused = _counter("refused", "Books and pools refused, by reason.", "reason")
    reconnects = _counter("reconnects", "Connections lost.")
    connected = _gauge("connected", "Whether the connection stands.")
    age = _gauge("book_age_seconds", "Age of the youngest sound book.")
    skew = _gauge("clock_skew_seconds", "The venue's clock less ours.")
    latency = _gauge("latency_seconds", "How late messages come.", "percentile")
    health = _gauge("health_ratio", "How far the data can be trusted, 0 to 1.")
    for status in statuses:
        feed, venue = status.feed, status.feed.venue
        messages.add_metric([venue], feed.messages)
        books.add_metric([venue], feed.books)
        reconnects.add_metric([venue], feed.reconnects)
        connected.add_metric([venue], status.is_connected)
        health.add_metric([venue], score_of(status).points / BEST)
        for reason, count in (Counter(feed.refused) + Counter(status.refused_later)).items():
            refused.add_metric([venue, reason], count)
        _add_ms(age, [venue], status.age_ms)
        _add_ms(skew, [venue], feed.clock_offset_ms)
        _add_ms(latency, [venue, "50"], feed.latency_p50_ms)
        _add_ms(latency, [venue, "99"], feed.latency_p99_ms)
    return [messages, books, refused, reconnects, connected, age, skew, latency, health]


def of_writing(cache: PriceCache, writer: Writer) -> list[Metric]:
    """Return how the price cache and the writer thread keep up."""
    counts = writer.counts
    return [
        CounterMetricFamily("arbsite_price_cache_books_total", "Books written to the price cache.", cache.written),
        GaugeMetricFamily(
            "arbsite_price_cache_available", "Whether the price cache took the last write.", cache.is_available
        ),
        GaugeMetricFamily("arbsite_writer_waiting_jobs", "Writes that wait for the writer thread.", writer.waiting),
        CounterMetricFamily(
            "arbsite_writer_dropped_total", "Writes dropped because too many waited.", counts["dropped"]
        ),
        CounterMetricFamily("arbsite_writer_failed_total", "Writes that failed for good.", counts["failed"]),
    ]


def _counter(name: str, about: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"arbsite_venue_{name}_total", about, labels=["venue", *labels])


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"arbsite_venue_{name}", about, labels=["venue", *labels])


def _add_ms(gauge: GaugeMetricFamily, labels: list[str], value_ms: float | None) -> None:
    if value_ms is not None:
        gauge.add_metric(labels, value_ms / 1000)
