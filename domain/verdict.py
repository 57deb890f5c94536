"""Would it have paid? What an edge must be to pay, what was offered, and what sort of trades it would have brought.

A histogram holds looks by the gross edge at best prices, in tenths of a basis point, rounded down. An inventory event
is a price difference that pays once and then leaves the coins on the wrong side: it comes on one day, points one way,
or stays for long, since nobody can close it. A repeatable edge comes back on other days, either way, and goes away.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from statistics import median
from typing import NamedTuple, TypeAlias, TypeVar

from domain.costs import FeeAsset, FeeSchedule
from domain.money import BPS, DOWN, EXACT, UP, ZERO, exact_sum

Histogram: TypeAlias = Mapping[int, int]
Key = TypeVar("Key")

LEAST_TRADES = 5  # fewer say nothing about what sort they are
LEAST_DAYS = 5  # an edge that paid on fewer days is not known to come back
LEAST_DAYS_TO_COMPARE = 3  # of one day or two, one always holds most
ONE_DAY_SHARE = Decimal("0.5")
ONE_WAY_SHARE = Decimal("0.7")
LASTING_SHARE = Decimal("0.5")

_ONE = Decimal(1)
_STEP = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Distribution:
    """How the edges of ``count`` looks lie, in bps, each rounded down to a tenth."""

    count: int
    median_bps: Decimal
    p90_bps: Decimal
    p99_bps: Decimal
    greatest_bps: Decimal


def distribution_of(offered: Histogram) -> Distribution | None:
    """Return how the looks lie; None where there are none."""
    count = sum(offered.values())
    if not count:
        return None
    ranked = sorted(offered.items())
    middle, high, higher = (_at_rank(ranked, math.ceil(count * percent / 100)) for percent in (50, 90, 99))
    return Distribution(count, middle, high, higher, _bps(ranked[-1][0]))


def either_way(offered: Histogram) -> Histogram:
    """Return the better direction of each look, from a histogram that holds both directions of every look.

    Two sound books never pay both ways, so the upper half is exact wherever it is positive, and everywhere if the
    two spreads add up to the same in every look.
    """
    left, better = sum(offered.values()) // 2, {}
    for tenth, count in sorted(offered.items(), reverse=True):
        if left <= 0:
            break
        better[tenth] = min(count, left)
        left -= count
    return better


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return the looks of all histograms together."""
    total: Counter[int] = Counter()
    for one in histograms:
        total.update(one)
    return total


def count_above(offered: Histogram, least_bps: Decimal) -> int:
    """Return how many looks offered at least ``least_bps``; one that is only rounded below it is not counted."""
    least = math.ceil(least_bps.scaleb(1, context=EXACT))
    return sum(count for tenth, count in offered.items() if tenth >= least)


def needed_bps(buy: FeeSchedule, sell: FeeSchedule, *, min_net_bps: Decimal = ZERO) -> Decimal:
    """Return the gross edge that pays both taker fees and leaves ``min_net_bps``, rounded up to a hundredth."""
    least_net = min_net_bps.scaleb(-4, context=EXACT)
    kept = EXACT.subtract(_ONE, sell.taker_share)
    if buy.charged_in is FeeAsset.RECEIVED:
        paid, kept = _ONE, EXACT.multiply(kept, EXACT.subtract(_ONE, buy.taker_share))
    else:
        paid = EXACT.add(_ONE, buy.taker_share)
    ratio = UP.divide(EXACT.add(paid, least_net), kept)
    return UP.multiply(UP.subtract(ratio, _ONE), BPS).quantize(_STEP, context=UP)


def needed_at_total(total_bps: Decimal) -> Decimal:
    """Return the gross edge that pays fees of ``total_bps`` in all, half of them on either leg."""
    half = FeeSchedule(ZERO, EXACT.multiply(total_bps, Decimal("0.5")))
    return needed_bps(half, half)


def widened(offered: Histogram, spread_bps: Decimal) -> Histogram:
    """Return the gaps between the prices that books of ``spread_bps`` were assumed around."""
    spread = spread_bps.scaleb(1, context=EXACT)
    return merged({tenth + round(spread * (100_000 + tenth) / 100_000): count} for tenth, count in offered.items())


class Episode(NamedTuple):
    """One trade that would have been had, from its opening."""

    at: datetime
    buy_venue: str
    sell_venue: str
    symbol: str
    notional_usd: Decimal
    planned_usd: Decimal  # net of every cost, at the prices seen
    life_s: float | None  # None where it is open still


@dataclass(frozen=True, slots=True)
class Left:
    """What was left of the planned net some time after the decision, over the episodes that could be looked at."""

    offset_ms: int
    count: int
    share: Decimal  # of the planned net edge
    paying_share: Decimal  # of the episodes


@dataclass(frozen=True, slots=True)
class Measures:
    """What tells an inventory event from a repeatable edge."""

    trades: int
    days_watched: int
    days_paid: int
    planned_usd: Decimal
    settled_usd: Decimal | None  # None where nothing was executed
    greatest_day: date
    greatest_day_share: Decimal  # of the planned net
    same_way_share: Decimal  # of the planned net, in the direction that holds most between any two venues
    same_way_notional_share: Decimal
    main_way: tuple[str, str]  # where the way that holds most buys and sells
    drain_usd: Decimal  # the most that one side would have lost of its coins or cash, with nothing sent back
    median_life_s: float | None
    left: tuple[Left, ...] = ()

    @property
    def last_left(self) -> Left | None:
        """Return what was left at the latest look."""
        return self.left[-1] if self.left else None


class Finding(StrEnum):
    """What the trades that would have been had amount to."""

    NO_DATA = "no_data"
    NOTHING = "nothing"
    INVENTORY_EVENT = "inventory_event"
    REPEATABLE = "repeatable"
    LOSING = "losing"  # comes back, but was lost by the time it was filled
    TOO_LITTLE = "too_little"


class Sign(StrEnum):
    """One mark of an inventory event."""

    ONE_DAY = "one_day"
    ONE_WAY = "one_way"
    LASTING = "lasting"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A finding, with the marks of an inventory event that were found and the measures they rest on."""

    finding: Finding
    signs: tuple[Sign, ...] = ()
    measures: Measures | None = None


def measure(
    episodes: Sequence[Episode], *, days_watched: int, left: Sequence[Left] = (), settled_usd: Decimal | None = None
) -> Measures | None:
    """Return the measures of these episodes, oldest first; None where there are none."""
    if not episodes:
        return None
    days = _sums((episode.at.date(), episode.planned_usd) for episode in episodes)
    total = exact_sum(days.values())
    greatest = max(sorted(days), key=lambda day: days[day])
    lives = [episode.life_s for episode in episodes if episode.life_s is not None]
    return Measures(
        trades=len(episodes),
        days_watched=max(days_watched, len(days)),
        days_paid=len(days),
        planned_usd=total,
        settled_usd=settled_usd,
        greatest_day=greatest,
        greatest_day_share=_share(days[greatest], total),
        same_way_share=_one_way(episodes, [episode.planned_usd for episode in episodes]),
        same_way_notional_share=_one_way(episodes, [episode.notional_usd for episode in episodes]),
        main_way=_main_way(episodes),
        drain_usd=_drain(episodes),
        median_life_s=median(lives) if lives else None,
        left=tuple(sorted(left, key=lambda one: one.offset_ms)),
    )


def judge(found: Measures | None, *, has_data: bool = True) -> Judgement:
    """Return what sort of trades these measures tell of: two marks make an inventory event."""
    if found is None:
        return Judgement(Finding.NOTHING if has_data else Finding.NO_DATA)
    signs = tuple(_signs(found))
    return Judgement(_finding(found, signs), signs, found)


def _signs(found: Measures) -> Iterable[Sign]:
    if found.days_watched >= LEAST_DAYS_TO_COMPARE and found.greatest_day_share >= ONE_DAY_SHARE:
        yield Sign.ONE_DAY
    if found.same_way_share >= ONE_WAY_SHARE:
        yield Sign.ONE_WAY
    if found.last_left is not None and found.last_left.share >= LASTING_SHARE:
        yield Sign.LASTING


def _finding(found: Measures, signs: Sequence[Sign]) -> Finding:
    if found.trades < LEAST_TRADES:
        return Finding.TOO_LITTLE
    if len(signs) > 1:
        return Finding.INVENTORY_EVENT
    comes_back = found.days_paid >= LEAST_DAYS and 2 * found.days_paid >= found.days_watched
    if not comes_back or Sign.ONE_DAY in signs:
        return Finding.TOO_LITTLE
    return Finding.REPEATABLE if found.settled_usd is None or found.settled_usd > ZERO else Finding.LOSING


def _one_way(episodes: Sequence[Episode], amounts: Sequence[Decimal]) -> Decimal:
    ways = _sums(
        ((episode.buy_venue, episode.sell_venue), amount) for episode, amount in zip(episodes, amounts, strict=True)
    )
    greater = [max(amount, ways.get((way[1], way[0]), ZERO)) for way, amount in ways.items() if _is_first(way, ways)]
    return _share(exact_sum(greater), exact_sum(ways.values()))


def _main_way(episodes: Iterable[Episode]) -> tuple[str, str]:
    ways = _sums(((episode.buy_venue, episode.sell_venue), episode.planned_usd) for episode in episodes)
    return max(sorted(ways), key=lambda way: ways[way])


def _is_first(way: tuple[str, str], ways: Mapping[tuple[str, str], Decimal]) -> bool:
    return way[0] < way[1] or (way[1], way[0]) not in ways


def _drain(episodes: Iterable[Episode]) -> Decimal:
    """Follow what each two venues hold of each coin, as if nothing were ever sent back."""
    moved: dict[tuple[str, ...], Decimal] = defaultdict(lambda: ZERO)
    most = ZERO
    for episode in episodes:
        key = (*sorted((episode.buy_venue, episode.sell_venue)), episode.symbol)
        is_forth = episode.buy_venue < episode.sell_venue
        moved[key] = EXACT.add(moved[key], episode.notional_usd if is_forth else episode.notional_usd.copy_negate())
        most = max(most, moved[key].copy_abs())
    return most


def _sums(parts: Iterable[tuple[Key, Decimal]]) -> dict[Key, Decimal]:
    totals: dict[Key, Decimal] = {}
    for key, amount in parts:
        totals[key] = EXACT.add(totals.get(key, ZERO), amount)
    return totals


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return DOWN.divide(part, whole) if whole > ZERO else ZERO


def _at_rank(ranked: Sequence[tuple[int, int]], rank: int) -> Decimal:
    reached = 0
    for tenth, count in ranked:
        reached += count
        if reached >= rank:
            return _bps(tenth)
    raise AssertionError("no rank is beyond the count")


def _bps(tenth: int) -> Decimal:
    return Decimal(tenth).scaleb(-1)
