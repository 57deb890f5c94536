"""What a process counts, times and shows of itself, told in Prometheus's text: threads and forks never lose a count.

Counters and histograms are added to where things happen; gauges, and counts that something keeps anyway, are read from
it only when somebody asks, so that the path of a quote pays nothing for them. What a forked child counts goes down a
pipe to its parent, which alone is asked: children come and go, and the counts stay.
"""

import json
import os
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

log = structlog.get_logger(__name__)

SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_LONGEST_LINE = 2048  # bytes; a pipe takes so many at once or none, whoever else writes


class Kind(StrEnum):
    """How a number behaves."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False)
class Meter:
    """One named metric; the unit is the last word of its name, and ``_total`` follows it where it only grows."""

    name: str
    about: str
    labels: tuple[str, ...] = ()
    kind: Kind = Kind.COUNTER
    bounds: tuple[float, ...] = SECONDS  # of a histogram's buckets

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """Count ``amount`` more; cheap enough for any path but that of a quote."""
        _store.note(self, labels, amount)

    def observe(self, value: float, *labels: str) -> None:
        """Take one value into the histogram."""
        _store.note(self, labels, value)


class Sample(NamedTuple):
    """A number that is read when somebody asks."""

    meter: Meter
    value: float
    labels: tuple[str, ...] = ()


Source = Callable[[], Iterable[Sample]]


class _Store(Collector):
    """Every count of this process and of its children."""

    def __init__(self) -> None:
        self._meters: dict[str, Meter] = {}
        self._counts: dict[tuple[str, tuple[str, ...]], float] = {}
        self._spreads: dict[tuple[str, tuple[str, ...]], list[float]] = {}
        self._sources: dict[str, Source] = {}
        self._lock = threading.Lock()
        self._pipe: tuple[int, int] | None = None
        self._is_child = False

    def note(self, meter: Meter, labels: tuple[str, ...], value: float) -> None:
        assert len(labels) == len(meter.labels), f"{meter.name} has the labels {meter.labels}"
        if self._is_child:
            self._hand_up(meter, labels, value)
            return
        self._take(meter, labels, value)

    def watch(self, name: str, source: Source) -> None:
        with self._lock:
            self._sources[name] = source

    def read(self, name: str) -> list[Sample]:
        source = self._sources.get(name)
        return [] if source is None else _read(name, source)

    def collect(self) -> Iterator[Metric]:
        yield from _families(sample for name in list(self._sources) for sample in self.read(name))
        with self._lock:
            counts, spreads = dict(self._counts), {key: list(spread) for key, spread in self._spreads.items()}
            meters = dict(self._meters)
        yield from _families(Sample(meters[name], value, labels) for (name, labels), value in counts.items())
        yield from _histograms(meters, spreads)

    def share(self) -> None:
        if self._pipe is not None:
            return
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[1], False)  # a child never waits to be counted
        threading.Thread(target=self._listen, args=[self._pipe[0]], name="metrics-of-children", daemon=True).start()

    def after_fork_in_child(self) -> None:
        """Whatever thread held the lock is not here to let it go; what we read from the pipe is the parent's."""
        self._lock = threading.Lock()
        if self._pipe is None:
            return
        if not self._is_child:
            os.close(self._pipe[0])
        self._is_child = True

    def _take(self, meter: Meter, labels: tuple[str, ...], value: float) -> None:
        key = (meter.name, labels)
        with self._lock:
            self._meters[meter.name] = meter
            if meter.kind is Kind.HISTOGRAM:
                spread = self._spreads.setdefault(key, [0.0] * (len(meter.bounds) + 2))
                spread[bisect_left(meter.bounds, value)] += 1
                spread[-1] += value
            else:
                self._counts[key] = self._counts.get(key, 0.0) + value

    def _hand_up(self, meter: Meter, labels: tuple[str, ...], value: float) -> None:
        assert self._pipe is not None
        line = json.dumps([meter.name, meter.about, meter.labels, meter.kind, meter.bounds, labels, value]) + "\n"
        with suppress(OSError):  # a full pipe or no parent any more: what is counted matters less than what is done
            if len(line) <= _LONGEST_LINE:
                os.write(self._pipe[1], line.encode())

    def _listen(self, end: int) -> None:
        with os.fdopen(end, encoding="utf-8") as lines:
            for line in lines:
                name, about, names, kind, bounds, labels, value = json.loads(line)
                self._take(Meter(name, about, tuple(names), Kind(kind), tuple(bounds)), tuple(labels), value)


class _OneSource(Collector):
    """What one source tells alone."""

    def __init__(self, name: str) -> None:
        self._name = name

    def collect(self) -> Iterator[Metric]:
        yield from _families(_store.read(self._name))


def watch(name: str, source: Source) -> None:
    """Read ``source`` whenever somebody asks, in place of an earlier one of that name; it runs in a thread beside."""
    _store.watch(name, source)


def share_with_children() -> None:
    """Count what children count that are forked from now on."""
    _store.share()


def registry(*, only: str = "") -> CollectorRegistry:
    """Return all that this process tells, or what the source called ``only`` tells."""
    told = CollectorRegistry(auto_describe=False)
    told.register(_OneSource(only) if only else _store)
    return told


def value_of(name: str, **labels: str) -> float:
    """Return what is told of one metric just now, 0 where it has not been counted yet."""
    return registry().get_sample_value(name, labels) or 0.0


def _read(name: str, source: Source) -> list[Sample]:
    try:
        return list(source())
    except Exception:  # the outermost frame of a question: one source's fault hides no other's numbers
        log.exception("metrics_not_read", source=name)
        return []


def _families(samples: Iterable[Sample]) -> Iterator[Metric]:
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for meter, value, labels in samples:
        family = families.get(meter.name)
        if family is None:
            made = CounterMetricFamily if meter.kind is Kind.COUNTER else GaugeMetricFamily
            family = families[meter.name] = made(meter.name, meter.about, labels=meter.labels)
        family.add_metric(labels, value)
    yield from families.values()


def _histograms(meters: dict[str, Meter], spreads: dict[tuple[str, tuple[str, ...]], list[float]]) -> Iterator[Metric]:
    families: dict[str, HistogramMetricFamily] = {}
    for (name, labels), (*counts, total) in spreads.items():
        meter = meters[name]
        family = families.setdefault(name, HistogramMetricFamily(name, meter.about, labels=meter.labels))
        bounds = (*map(str, meter.bounds), "+Inf")
        family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), sum_value=total)
    yield from families.values()


_store = _Store()
os.register_at_fork(after_in_child=_store.after_fork_in_child)
