"""Little recordings of two venues' books, for tests that replay them: a random walk with gaps that pay now and then."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random

from domain.market import Book, Level, MarketKey
from domain.scope import Mode, Scope
from domain.timestamps import NS_PER_MS, NS_PER_S, from_ns
from tests.fakes import BTC_USD, NOW_NS, detect_config
from trading.models import RecordedPage, Recording
from trading.services.recording.pages import PageEncoder, Seen
from trading.services.recording.terms import Terms

VENUES = ("a", "b")
TICK = Decimal("0.01")
SIM_ITSELF = Scope(Mode.SIM)


def terms(*, paper_delay_ms: int = 250, linger_ms: int = 2_000, fee_bps: str = "5") -> Terms:
    """Return the terms of the venues ``a`` and ``b``, which charge ``fee_bps``."""
    config = replace(detect_config(fee_bps=fee_bps), quote_usd={"USD": Decimal(1)}, near_miss_bps=Decimal(10))
    return Terms(config, linger_ms, paper_delay_ms, {"a": "kraken", "b": "alpaca"})


def walk(
    count: int,
    *,
    seed: int = 1,
    every_ms: int = 50,
    start_ns: int = NOW_NS,
    silent: Sequence[str] = (),
    turns: float = 0.02,
) -> list[Seen]:
    """Return ``count`` books, of either venue in turn; now and then one venue runs ahead of the other for a while.

    ``turns`` is how likely that begins or ends with a book. A venue in ``silent`` shows one book at the start and no other.
    """
    rng, seen, price, ahead = Random(seed), [], 20_000.0, 0.0
    for number in range(count):
        at_ns = start_ns + number * every_ms * NS_PER_MS
        price += rng.gauss(0, 0.5)
        if rng.random() < turns:
            ahead = 0.0 if ahead else rng.choice((-40.0, 40.0))
        venue = VENUES[number % 2]
        if venue in silent and number > 1:
            continue
        middle = price + (ahead if venue == "b" else 0.0)
        seen.append(Seen(at_ns, _book(venue, middle, rng, at_ns=at_ns - 3 * NS_PER_MS, seq=number + 1)))
    return seen


def store(
    books: Iterable[Seen], *, told: Terms | None = None, scope: Scope = SIM_ITSELF, page_ms: int = 1_500
) -> Recording:
    """Write a recording of these books, one page for each ``page_ms``."""
    listed = list(books)
    recording = Recording.objects.create(
        **scope.columns,
        process="collect",
        terms=(told or terms()).to_json(),
        started_at=from_ns(listed[0].at_ns if listed else NOW_NS),
        heartbeat_at=from_ns(listed[-1].at_ns if listed else NOW_NS),
        updates=len(listed),
    )
    encoder, number, until_ns = PageEncoder(), 0, 0
    for seen in listed:
        if seen.at_ns >= until_ns:
            number, until_ns = number + _store_page(recording, number, encoder), seen.at_ns + page_ms * NS_PER_MS
        encoder.add(*seen)
    Recording.objects.filter(pk=recording.pk).update(pages=number + _store_page(recording, number, encoder))
    return recording


def _store_page(recording: Recording, number: int, encoder: PageEncoder) -> int:
    page = encoder.take()
    if page is None:
        return 0
    RecordedPage.objects.create(
        **recording.scope.columns,
        recording=recording,
        number=number,
        first_at=from_ns(page.first_at_ns),
        last_at=from_ns(page.last_at_ns),
        updates=page.updates,
        payload=page.payload(),
    )
    return 1


def _book(venue: str, middle: float, rng: Random, *, at_ns: int, seq: int) -> Book:
    bid = Decimal(str(round(middle - 0.5, 2)))
    bids = tuple(Level(bid - step * TICK * 50, _quantity(rng)) for step in range(5))
    asks = tuple(Level(bid + 1 + step * TICK * 50, _quantity(rng)) for step in range(5))
    return Book(venue, BTC_USD, bids, asks, at_ns - NS_PER_S // 100, at_ns, seq)


def _quantity(rng: Random) -> Decimal:
    return Decimal(str(round(rng.uniform(0.01, 0.2), 4)))


def markets() -> tuple[MarketKey, ...]:
    """Return the two markets."""
    return tuple(MarketKey(venue, BTC_USD) for venue in VENUES)
