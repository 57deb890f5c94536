"""Would it have paid? What was offered in a scope against what a trade needs, day by day and route by route."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from domain.costs import FeeSchedule
from domain.money import DOWN, ZERO, exact_sum
from domain.scope import Scope
from domain.verdict import (
    Distribution,
    Episode,
    Finding,
    Histogram,
    Judgement,
    Left,
    count_above,
    distribution_of,
    either_way,
    judge,
    measure,
    merged,
    needed_at_total,
    needed_bps,
    widened,
)
from trading.selectors import offered as reads
from trading.selectors.offered import NO_GAS, DayLeft, DayOffers, DayTrades, Gas, RouteOffers, Way, way_of
from trading.selectors.terms import HOUR, FeesOf, Span, Terms, run_of, terms_of

TOTALS_BPS = (Decimal(65), Decimal(50), Decimal(40), Decimal(30), Decimal(20), Decimal(10))
CHARGED_NOW = "as charged now"


@dataclass(frozen=True, slots=True)
class RouteVerdict:
    """One route: what it needed and what it offered; ``above`` counts looks, ``trades`` episodes that cleared."""

    route_key: str
    needed_bps: Decimal | None  # None where a venue's fees are not known
    offered: Distribution | None
    above: int
    trades: int


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """Two venues, the better way of each look; ``needed_bps`` is that of the cheaper way."""

    venues: tuple[str, str]
    needed_bps: Decimal | None
    offered: Distribution | None
    above: int
    trades: int
    routes: tuple[RouteVerdict, ...]


@dataclass(frozen=True, slots=True)
class DayVerdict:
    """One day (UTC), the better way of each look; ``finding`` says what its trades amount to on their own."""

    day: date
    hours: int  # in which two fresh books could be compared
    offered: Distribution | None
    above: int
    trades: int
    planned_usd: Decimal
    settled_usd: Decimal | None  # None where nothing was executed
    finding: Finding


@dataclass(frozen=True, slots=True)
class FeeStep:
    """What fees of ``total_bps`` in all would have let through; ``looks`` either way, on ``days`` days."""

    total_bps: Decimal
    meaning: str  # what charges this; empty where it is only a step of the scale
    looks: int
    days: int


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference of the recorded prices themselves, where a spread was assumed around them."""

    spread_bps: Decimal
    offered: Distribution
    at_least_bps: Decimal
    above_by_day: Mapping[date, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that is said of a span; ``trades``, planned and settled dollars are those of every route."""

    scope: Scope
    command: str  # what made the scope: replay, backtest; empty for a process that watches
    span: Span | None  # None where nothing was ever looked at
    terms: Terms
    judgement: Judgement
    offered: Distribution | None  # the better way of each look
    days: tuple[DayVerdict, ...] = ()
    pairs: tuple[PairVerdict, ...] = ()
    steps: tuple[FeeStep, ...] = ()
    gap: Gap | None = None
    trades: int = 0
    executed: int = 0
    stuck: int = 0  # executions that wait for a person: in no sum
    planned_usd: Decimal = ZERO
    settled_usd: Decimal | None = None
    gas: Gas = NO_GAS  # in no edge that is said to be needed, which holds fees alone
    is_whole: bool = True  # of a run: it has ended
    looks: tuple[tuple[str, str, int], ...] = ()  # stage, reason, count: why looks ended, the commonest first

    @property
    def days_paid(self) -> tuple[DayVerdict, ...]:
        """Return the days on which something would have been traded."""
        return tuple(day for day in self.days if day.trades)

    @property
    def needed_bps(self) -> Decimal | None:
        """Return the edge that the cheapest way of all needed."""
        return min((pair.needed_bps for pair in self.pairs if pair.needed_bps is not None), default=None)


def verdict_of(scope: Scope, span: Span | None = None, *, fees_of: FeesOf) -> Verdict:
    """Return the verdict on ``span``, or on everything there is; ``fees_of`` knows what a venue charges today.

    A run is judged by the fees it was run with.
    """
    run, span = run_of(scope), span or _whole(scope)
    command = run.command if run else ""
    if span is None:
        terms = terms_of(run, fees_of=fees_of, venues=set())
        return Verdict(scope, command, None, terms, judge(None, has_data=False), None)
    read = _read(scope, span)
    terms = terms_of(run, fees_of=fees_of, venues={venue for way in read.ways for venue in way})
    is_whole = run is None or run.ended_at is not None
    return _put_together(Verdict(scope, command, span, terms, judge(None), None, is_whole=is_whole), read)


@dataclass(frozen=True, slots=True)
class _Read:
    """What the tables hold of a span."""

    offers: list[DayOffers]
    hours: Mapping[date, int]
    routes: list[RouteOffers]
    trades: list[DayTrades]
    episodes: Mapping[date, list[Episode]]
    left: list[DayLeft]
    looks: list[tuple[str, str, int]]
    stuck: int
    gas: Gas

    @property
    def ways(self) -> set[Way]:
        return {one.way for one in self.offers} | {way_of(one.route_key) for one in self.trades}

    @property
    def days(self) -> list[date]:
        return sorted(set(self.hours) | {one.day for one in self.trades})


def _whole(scope: Scope) -> Span | None:
    hours = reads.covered(scope)
    return None if hours is None else Span(hours[0], hours[1] + HOUR)


def _read(scope: Scope, span: Span) -> _Read:
    trades = reads.trades_by_day(scope, span)
    offers, routes = reads.offers_in(scope, span)
    return _Read(
        offers=offers,
        hours=reads.hours_by_day(scope, span),
        routes=routes,
        trades=trades,
        episodes=_by_day(reads.episodes_of(scope, span) if trades else []),
        left=reads.left_by_day(scope, span) if trades else [],
        looks=reads.looks_in(scope, span),
        stuck=reads.stuck_in(scope, span),
        gas=reads.gas_in(scope, span),
    )


def _by_day(episodes: Iterable[Episode]) -> dict[date, list[Episode]]:
    days: dict[date, list[Episode]] = defaultdict(list)
    for episode in episodes:
        days[episode.at.date()].append(episode)
    return dict(days)


def _put_together(frame: Verdict, read: _Read) -> Verdict:
    terms, best = frame.terms, merged(_either_way(read.offers).values())
    return replace(
        frame,
        judgement=_judge(read, read.days),
        offered=distribution_of(best),
        days=tuple(_day(day, read, terms) for day in read.days),
        pairs=tuple(_pair(venues, read, terms) for venues in sorted({way.pair for way in read.ways})),
        steps=tuple(_steps(read, terms)),
        gap=_gap(read, terms),
        trades=sum(one.count for one in read.trades),
        executed=sum(one.executed for one in read.trades),
        stuck=read.stuck,
        gas=read.gas,
        planned_usd=exact_sum(one.planned_usd for one in read.trades),
        settled_usd=reads.settled_of(read.trades),
        looks=tuple(read.looks),
    )


def _judge(read: _Read, days: Sequence[date]) -> Judgement:
    chosen = set(days)
    found = measure(
        [episode for day in days for episode in read.episodes.get(day, ())],
        days_watched=len(days),
        left=_left([one for one in read.left if one.day in chosen]),
        settled_usd=reads.settled_of([one for one in read.trades if one.day in chosen]),
    )
    return judge(found, has_data=bool(read.offers or read.looks))


def _left(rows: Sequence[DayLeft]) -> list[Left]:
    offsets = defaultdict(list)
    for row in rows:
        offsets[row.offset_ms].append(row)
    return [_left_at(offset_ms, rows) for offset_ms, rows in sorted(offsets.items())]


def _left_at(offset_ms: int, rows: Sequence[DayLeft]) -> Left:
    count = sum(row.count for row in rows)
    of_bps, left_bps = exact_sum(row.of_bps for row in rows), exact_sum(row.left_bps for row in rows)
    paying = Decimal(sum(row.paying for row in rows))
    share = DOWN.divide(left_bps, of_bps) if of_bps > ZERO else ZERO
    return Left(offset_ms, count, share, DOWN.divide(paying, Decimal(count)))


def _either_way(offers: Iterable[DayOffers]) -> Mapping[tuple[date, tuple[str, str]], Histogram]:
    """Return the better way of each look, by day and the two venues."""
    both: dict[tuple[date, tuple[str, str]], list[Histogram]] = defaultdict(list)
    for one in offers:
        both[one.day, one.way.pair].append(one.offered)
    return {key: either_way(merged(ways)) for key, ways in both.items()}


def _day(day: date, read: _Read, terms: Terms) -> DayVerdict:
    offers = [one for one in read.offers if one.day == day]
    trades = [one for one in read.trades if one.day == day]
    return DayVerdict(
        day=day,
        hours=read.hours.get(day, 0),
        offered=distribution_of(merged(_either_way(offers).values())),
        above=sum(_above(one.offered, _needed(one.way, terms)) for one in offers),
        trades=sum(one.count for one in trades),
        planned_usd=exact_sum(one.planned_usd for one in trades),
        settled_usd=reads.settled_of(trades),
        finding=_judge(read, [day]).finding,
    )


def _pair(venues: tuple[str, str], read: _Read, terms: Terms) -> PairVerdict:
    offers = [one for one in read.offers if one.way.pair == venues]
    ways = [Way(*venues), Way(*reversed(venues))]
    return PairVerdict(
        venues=venues,
        needed_bps=min((found for way in ways if (found := _needed(way, terms)) is not None), default=None),
        offered=distribution_of(merged(_either_way(offers).values())),
        above=sum(_above(one.offered, _needed(one.way, terms)) for one in offers),
        trades=sum(one.count for one in read.trades if way_of(one.route_key).pair == venues),
        routes=tuple(_route(one, read.trades, terms) for one in read.routes if way_of(one.route_key).pair == venues),
    )


def _route(route: RouteOffers, trades: Sequence[DayTrades], terms: Terms) -> RouteVerdict:
    needed = _needed(way_of(route.route_key), terms)
    return RouteVerdict(
        route_key=route.route_key,
        needed_bps=needed,
        offered=distribution_of(route.offered),
        above=_above(route.offered, needed),
        trades=sum(one.count for one in trades if one.route_key == route.route_key),
    )


def _needed(way: Way, terms: Terms) -> Decimal | None:
    if way.buy_venue not in terms.fees or way.sell_venue not in terms.fees:
        return None
    return needed_bps(terms.fees[way.buy_venue], terms.fees[way.sell_venue], min_net_bps=terms.min_net_bps)


def _above(offered: Histogram, needed: Decimal | None) -> int:
    return 0 if needed is None else count_above(offered, needed)


def _steps(read: _Read, terms: Terms) -> Iterator[FeeStep]:
    """Yield what lower fees would have let through, from what is charged now downwards."""
    meanings, by_day = _meanings(read, terms), _either_way(read.offers)
    for total in sorted({*TOTALS_BPS, *meanings}, reverse=True):
        if meanings.get(total) == CHARGED_NOW:
            found = [(one.day, _above(one.offered, _needed(one.way, terms))) for one in read.offers]
        else:
            found = [(day, count_above(offered, needed_at_total(total))) for (day, _), offered in by_day.items()]
        days = {day for day, count in found if count}
        yield FeeStep(total, meanings.get(total, ""), sum(count for _, count in found), len(days))


def _meanings(read: _Read, terms: Terms) -> dict[Decimal, str]:
    """Return what the fees of two venues come to, where there are but two: both taken now, one or both resting."""
    pairs = {way.pair for way in read.ways}
    if len(pairs) != 1:
        return {}
    return _fee_totals([terms.fees[venue] for venue in pairs.pop() if venue in terms.fees])


def _fee_totals(fees: Sequence[FeeSchedule]) -> dict[Decimal, str]:
    if len(fees) != 2:
        return {}
    one, other = fees
    taken, resting = one.taker_bps + other.taker_bps, one.maker_bps + other.maker_bps
    mixed = min(one.maker_bps + other.taker_bps, one.taker_bps + other.maker_bps)
    told = {resting: "both orders resting (maker)", mixed: "one order resting (maker)", taken: CHARGED_NOW}
    return {total: meaning for total, meaning in told.items() if total > ZERO}


def _gap(read: _Read, terms: Terms) -> Gap | None:
    if terms.spread_bps is None:
        return None
    gaps = {key: widened(offered, terms.spread_bps) for key, offered in _either_way(read.offers).items()}
    found = distribution_of(merged(gaps.values()))
    if found is None:
        return None
    least = max(_meanings(read, terms), default=TOTALS_BPS[0])
    above: dict[date, int] = defaultdict(int)
    for (day, _), offered in gaps.items():
        above[day] += count_above(offered, least)
    return Gap(terms.spread_bps, found, least, dict(above))
