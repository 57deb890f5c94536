"""From recordings to a timeline: every page of the span is read once before the first row is written."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

import psycopg

from domain.detection import DetectConfig
from domain.errors import BadInput
from domain.features import Contexts
from domain.market import MarketKey
from domain.money import plain
from domain.routes import routes_between
from domain.scope import Mode
from domain.timestamps import NS_PER_MS, NS_PER_S, from_ns, to_ns
from trading.json_values import to_json
from trading.services.recording.pages import Learnt
from trading.services.recording.source import RecordingInfo, connect_to, events, how_to_record, looks, recordings
from trading.services.replay.assumptions import lots_json, span_told
from trading.services.replay.options import EVERY_RECORDING, ReplayOptions
from trading.services.replay.timeline import Instant, Json, Opening, days_between

WARM_UP_NS = 60 * NS_PER_S  # of books that are shown again before a broken-off run goes on: more than a view remembers
LEARNT_WITHIN_NS = 300 * NS_PER_S  # before a span begins: what rows told earlier was not fresh any more
_NS_PER_US = 1_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of one recording that is replayed, first and last instant included, and its terms."""

    info: RecordingInfo
    opening: Opening
    first_ns: int
    last_ns: int
    books: int


class RecordedTimeline:
    """Every recorded book, in the order they came; a position is recording, instant, and how many came at it."""

    step_ns = NS_PER_S

    def __init__(self, mode: Mode, stretches: Sequence[Stretch]) -> None:
        self._mode = mode
        self._stretches = stretches

    @property
    def markets(self) -> Sequence[MarketKey]:
        """Return the markets of all recordings."""
        return tuple(dict.fromkeys(market for one in self._stretches for market in one.opening.markets))

    @property
    def days(self) -> Sequence[date]:
        """Return every UTC day on which something was recorded."""
        return sorted({day for one in self._stretches for day in days_between(one.first_ns, one.last_ns)})

    @property
    def first_ns(self) -> int:
        """Return when the first book came."""
        return self._stretches[0].first_ns

    @property
    def last_ns(self) -> int:
        """Return when the last book came."""
        return self._stretches[-1].last_ns

    def instants(self, after: Json | None = None) -> Iterator[Instant]:
        """Yield every book, or every one after a position, and before those the last minute, as past."""
        left = list(self._stretches)
        while after is not None and left[0].info.id != after[0]:
            left.pop(0)
        with closing(connect_to(self._mode)) as source:
            for stretch in left:
                yield from self._books_of(source, stretch, after)
                after = None

    def _books_of(self, source: psycopg.Connection[Any], stretch: Stretch, after: Json | None) -> Iterator[Instant]:
        opening: Opening | None = stretch.opening
        reached = (0, 0) if after is None else (after[1], after[2])
        first_ns = max(stretch.first_ns, reached[0] - WARM_UP_NS)
        last_ns, number = 0, 0
        context: Contexts | None = None
        for seen in events(source, stretch.info, first_ns=first_ns, last_ns=stretch.last_ns):
            if isinstance(seen, Learnt):
                context = seen.context
                continue
            number = number + 1 if seen.at_ns <= last_ns else 1
            last_ns = max(last_ns, seen.at_ns)
            market = MarketKey(seen.book.venue, seen.book.pair)
            yield Instant(
                seen.at_ns,
                (market,),
                {market: seen.book},
                position=(stretch.info.id, last_ns, number),
                opening=opening,
                context=context,
                is_past=(last_ns, number) <= reached,
            )
            opening = context = None


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """Chosen and read recordings, and all that is assumed of them."""

    options: ReplayOptions
    stretches: tuple[Stretch, ...]
    timeline: RecordedTimeline

    @property
    def where(self) -> Json:
        """Return what opens the same source again, though a recording has grown since."""
        return {"stretches": [[one.info.id, one.first_ns, one.last_ns, one.books] for one in self.stretches]}

    @property
    def assumptions(self) -> dict[str, Any]:
        """Return every figure that the result rests on, ready for JSON."""
        last = self.stretches[-1].opening
        config = last.config
        return {
            "data": [_recording_json(one) for one in self.stretches],
            **span_told(self.options),
            "resolution_s": config.resolution_s,
            "latency_ms": last.delay_ms,
            "linger_ms": last.linger_ns // NS_PER_MS,
            "max_age_ms": config.max_age_ms,
            "max_skew_ms": config.max_skew_ms,
            "fill": "the book as it stood when the latency had passed, never beyond its depth",
            **_of_pools(config),
            "fees": to_json(config.fees),
            "quote_usd": to_json(config.quote_usd),
            "lots": lots_json(config),
            "min_net_bps": plain(config.min_net_bps),
            "max_trade_usd": plain(config.caps.max_usd),
        }


def _of_pools(config: DetectConfig) -> dict[str, Any]:
    if not config.gas:
        return {}
    met = "the pool as the next block after the latency left it, all of it within its limit or reverted, gas paid"
    return {"swap": met, "gas": to_json(config.gas)}


def open_recordings(options: ReplayOptions) -> RecordedSource:
    """Return what was recorded in the span that was asked for.

    Raises: BadInput for what was asked, Unreachable where nothing records, MalformedPageError for what cannot be read.
    """
    with closing(connect_to(options.recorded_in)) as source:
        stretches = [_read(source, info, options) for info in _chosen(source, options)]
    return _source(options, [stretch for stretch in stretches if stretch.books])


def reopen_recordings(options: ReplayOptions, where: Json) -> RecordedSource:
    """Return what an earlier run replayed. Raises: as ``open_recordings``."""
    stretches = []
    with closing(connect_to(options.recorded_in)) as source:
        for recording_id, first_ns, last_ns, books in where["stretches"]:
            (info,) = recordings(source, mode=options.recorded_in, recording_id=recording_id)
            opening = _opening(info, options, context=_learnt_before(source, info, options))
            stretches.append(Stretch(info, opening, first_ns, last_ns, books))
    return _source(options, stretches)


def _source(options: ReplayOptions, stretches: Sequence[Stretch]) -> RecordedSource:
    if not stretches:
        raise BadInput(f"nothing was recorded in {options.recorded_in} {options.span_text}".rstrip())
    _check_comparable(stretches)
    return RecordedSource(options, tuple(stretches), RecordedTimeline(options.recorded_in, stretches))


def _chosen(source: psycopg.Connection[Any], options: ReplayOptions) -> list[RecordingInfo]:
    asked = None if options.recording == EVERY_RECORDING else options.recording
    held = [one for one in recordings(source, mode=options.recorded_in, recording_id=asked) if one.first_at is not None]
    if not held:
        name = "nothing is recorded" if asked is None else f"recording {asked} holds no book"
        raise BadInput(f"{name} in {options.recorded_in}: {how_to_record(options.recorded_in)} first")
    chosen = [one for one in held if _overlaps(one, options)]
    if not chosen:
        told = ", ".join(_told(one) for one in held[-3:])
        raise BadInput(f"nothing was recorded in {options.recorded_in} {options.span_text}: there is {told}")
    for earlier, later in pairwise(chosen):
        assert earlier.last_at is not None
        assert later.first_at is not None
        if earlier.last_at > later.first_at:
            raise BadInput(f"recordings {earlier.id} and {later.id} overlap: choose one by --recording ID")
    return chosen


def _overlaps(info: RecordingInfo, options: ReplayOptions) -> bool:
    assert info.first_at is not None
    assert info.last_at is not None
    begins_in_time = options.last is None or info.first_at < options.last
    return begins_in_time and (options.first is None or info.last_at >= options.first)


def _read(source: psycopg.Connection[Any], info: RecordingInfo, options: ReplayOptions) -> Stretch:
    """Read the whole stretch once: what cannot be read is told before anything is written."""
    assert info.last_at is not None
    first_ns = None if options.first is None else to_ns(options.first)
    last_ns = to_ns(info.last_at) + _NS_PER_US - 1  # the column cuts off what is below a microsecond
    if options.last is not None:
        last_ns = min(last_ns, to_ns(options.last) - 1)
    books, first_seen_ns, last_seen_ns = 0, 0, 0
    for seen in looks(source, info, first_ns=first_ns, last_ns=last_ns):
        books, first_seen_ns, last_seen_ns = books + 1, first_seen_ns or seen.at_ns, max(last_seen_ns, seen.at_ns)
    opening = _opening(info, options, context=_learnt_before(source, info, options))
    return Stretch(info, opening, first_seen_ns, last_seen_ns, books)


def _learnt_before(source: psycopg.Connection[Any], info: RecordingInfo, options: ReplayOptions) -> Contexts:
    """Return what had been learnt of pairs when a span begins that leaves out the recording's first books."""
    context: Contexts = info.terms.config.context
    if options.first is not None:
        first_ns = to_ns(options.first)
        for event in events(source, info, first_ns=first_ns - LEARNT_WITHIN_NS, last_ns=first_ns - 1):
            context = event.context if isinstance(event, Learnt) else context
    return context


def _opening(info: RecordingInfo, options: ReplayOptions, *, context: Contexts) -> Opening:
    terms = info.terms
    delay_ms = terms.paper_delay_ms if options.latency_ms is None else options.latency_ms
    config = replace(_overridden(terms.config, options), context=context)
    return Opening(config, terms.linger_ms * NS_PER_MS, delay_ms, terms.markets, terms.adapters)


def _overridden(config: DetectConfig, options: ReplayOptions) -> DetectConfig:
    options.check_fees(set(config.fees))
    least_bps = config.min_net_bps if options.min_net_bps is None else options.min_net_bps
    return replace(config, fees={**config.fees, **options.fees}, min_net_bps=least_bps)


def _check_comparable(stretches: Sequence[Stretch]) -> None:
    for one in stretches:
        if not routes_between(one.opening.markets, one.opening.adapters, pools=one.opening.config.gas):
            listed = ", ".join(f"{market.venue}:{market.pair}" for market in one.opening.markets)
            raise BadInput(f"nothing to compare in recording {one.info.id}, which holds {listed}")


def _recording_json(one: Stretch) -> dict[str, Any]:
    return {
        "recording": one.info.id,
        "mode": one.info.mode.value,
        "process": one.info.process,
        "first_book": from_ns(one.first_ns).isoformat(),
        "last_book": from_ns(one.last_ns).isoformat(),
        "books": one.books,
        "lost": one.info.lost,
        "markets": [f"{market.venue}:{market.pair}" for market in one.opening.markets],
    }


def _told(info: RecordingInfo) -> str:
    return f"recording {info.id} from {info.first_at:%Y-%m-%d %H:%M:%S} to {info.last_at:%Y-%m-%d %H:%M:%S} UTC"
