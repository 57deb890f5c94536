"""Order books: what a taker gets by walking the levels, and whether a market's state can be believed."""

from collections.abc import Sequence
from decimal import Decimal
from operator import gt, lt
from typing import NamedTuple

from domain.amm import PIPS
from domain.errors import BadMarketData
from domain.market import Book, Level, Market, PoolState, Side
from domain.money import COLUMN_DIGITS, EXACT, ZERO, from_raw
from domain.timestamps import NS_PER_MS

LEVEL_DIGITS = 15  # a level worth 10**15 in quote is no offer, and a sum of such levels fits no money column
LEAST_RESERVE = 1000  # in raw units: a pool of fewer has nothing that its own rounding leaves to trade
MOST_RESERVE = 2**112 - 1  # what a pool's contract can hold
MOST_DECIMALS = 36
FUTURE_TOLERANCE_MS = 500  # clocks differ by this much and no more; beyond it no age can be trusted


class Walk(NamedTuple):
    """What a taker gets by walking the levels: exact, and never beyond what is shown."""

    quantity: Decimal
    quote: Decimal
    worst_price: Decimal  # 0 where nothing was taken


def levels_facing(book: Market, side: Side) -> tuple[Level, ...]:
    """Return the levels that an order on ``side`` takes from."""
    return book.asks if side is Side.BUY else book.bids


def taken(levels: Sequence[Level], quantity: Decimal, *, limit: Decimal | None, side: Side) -> tuple[Level, ...]:
    """Return what a taker of ``quantity`` takes of each level, best first, never worse than ``limit``."""
    left, found = quantity, []
    for price, shown in levels:
        if left <= ZERO or (limit is not None and _is_worse(price, limit, side)):
            break
        part = min(shown, left)
        found.append(Level(price, part))
        left = EXACT.subtract(left, part)
    return tuple(found)


def walk(levels: Sequence[Level], quantity: Decimal, *, limit: Decimal | None, side: Side) -> Walk:
    """Return what a taker of ``quantity`` gets, never beyond the depth shown nor ``limit``."""
    return total_of(taken(levels, quantity, limit=limit, side=side))


def total_of(levels: Sequence[Level]) -> Walk:
    """Return the sum over ``levels``, best first."""
    quantity, quote = ZERO, ZERO
    for price, part in levels:
        quantity = EXACT.add(quantity, part)
        quote = EXACT.fma(price, part, quote)
    return Walk(quantity, quote, levels[-1].price if levels else ZERO)


def depth_of(levels: Sequence[Level]) -> Decimal:
    """Return all the quantity that ``levels`` show."""
    return total_of(levels).quantity


def check(book: Market, *, now_ns: int, max_age_ms: int) -> None:
    """Raise BadMarketData unless ``book`` is well formed and of now, by our clock and by the venue's.

    Reasons: those of ``validate``, ``stale``, ``future``.
    """
    validate(book)
    reason = staleness(book, now_ns=now_ns, max_age_ms=max_age_ms)
    if reason is None and now_ns - book.venue_at_ns > max_age_ms * NS_PER_MS:
        reason = "stale"  # just received, but the venue itself says it is old
    if reason is not None:
        raise BadMarketData(reason, _named(book))


def staleness(book: Market, *, now_ns: int, max_age_ms: int) -> str | None:
    """Return ``stale`` or ``future`` for a book that was not seen just now, None for one that was."""
    if now_ns - book.seen_at_ns > max_age_ms * NS_PER_MS:
        return "stale"
    ahead_ns = max(book.venue_at_ns, book.seen_at_ns) - now_ns
    return "future" if ahead_ns > FUTURE_TOLERANCE_MS * NS_PER_MS else None


def validate(book: Market, *, known: Market | None = None) -> None:
    """Raise BadMarketData unless ``book`` is well formed; checked once, where it enters.

    A side that it shares with ``known``, which was found well formed, is not looked at again.
    Reasons: ``empty``, ``not_finite``, ``not_positive``, ``out_of_range``, ``unsorted``, ``crossed``, ``locked``; of a
    pool ``empty`` and ``out_of_range``.
    """
    if isinstance(book, PoolState):
        _validate_pool(book)
    else:
        _validate_book(book, known if isinstance(known, Book) else None)


def _validate_book(book: Book, known: Book | None) -> None:
    for levels, before, side in (
        (book.bids, known and known.bids, Side.SELL),
        (book.asks, known and known.asks, Side.BUY),
    ):
        if levels is before:
            continue
        if not levels:
            raise BadMarketData("empty", f"{_named(book)} shows nothing to {side}")
        reason = None if _is_sound(levels, side) else _fault_in(levels, side)
        if reason is not None:
            raise BadMarketData(reason, _named(book))
    bid, ask = book.bids[0].price, book.asks[0].price
    if bid >= ask:
        raise BadMarketData("crossed" if bid > ask else "locked", f"{_named(book)} bids {bid} and asks {ask}")


def _validate_pool(pool: PoolState) -> None:
    reserves = pool.base_reserve, pool.quote_reserve
    if min(reserves) < LEAST_RESERVE:
        raise BadMarketData("empty", f"{_named(pool)} holds {reserves[0]} and {reserves[1]} units")
    in_range = (
        max(reserves) <= MOST_RESERVE
        and 0 <= pool.fee_pips < PIPS
        and min(pool.base_decimals, pool.quote_decimals) >= 0
        and max(pool.base_decimals, pool.quote_decimals) <= MOST_DECIMALS
        and from_raw(pool.quote_reserve, pool.quote_decimals).adjusted() < LEVEL_DIGITS
        and from_raw(pool.base_reserve, pool.base_decimals).adjusted() < COLUMN_DIGITS
        and pool.best_ask.adjusted() < COLUMN_DIGITS
        and pool.gas_price_wei >= 0
    )
    if not in_range:
        raise BadMarketData("out_of_range", _named(pool))


def _is_sound(levels: Sequence[Level], side: Side) -> bool:
    """Whether nothing can be at fault; the whole side at once, for every book passes here."""
    prices, quantities = zip(*levels, strict=True)
    if not (all(map(Decimal.is_finite, prices)) and all(map(Decimal.is_finite, quantities))):
        return False
    if min(prices) <= ZERO or min(quantities) <= ZERO:
        return False
    if max(map(Decimal.adjusted, prices)) + max(map(Decimal.adjusted, quantities)) >= LEVEL_DIGITS:
        return False
    return all(map(lt if side is Side.BUY else gt, prices, prices[1:]))


def _fault_in(levels: Sequence[Level], side: Side) -> str | None:
    before: Decimal | None = None
    for price, quantity in levels:
        if not (price.is_finite() and quantity.is_finite()):
            return "not_finite"
        if price <= ZERO or quantity <= ZERO:
            return "not_positive"
        if price.adjusted() + quantity.adjusted() >= LEVEL_DIGITS:
            return "out_of_range"
        if before is not None and not _is_worse(price, before, side):
            return "unsorted"
        before = price
    return None


def _is_worse(price: Decimal, than: Decimal, side: Side) -> bool:
    return price > than if side is Side.BUY else price < than


def _named(book: Market) -> str:
    return f"{book.venue} {book.pair}"
