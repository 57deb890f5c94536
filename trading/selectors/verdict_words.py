"""The verdict in plain words, the same for the console and the page; figures are rounded against us."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from domain.money import DOWN, plain
from domain.scope import Mode, Scope
from domain.verdict import LEAST_DAYS, Finding, Left, Measures, Sign
from ops.reports import plural
from trading.formats import in_bps, in_bps_needed, in_percent, in_usd, lasting
from trading.selectors.offered import MOST_EPISODES, MOST_MEASURED
from trading.selectors.terms import Span
from trading.selectors.verdict import DayVerdict, PairVerdict, Verdict

LONG_MS = 60_000  # what is left after it was left by everybody

_DAY = timedelta(days=1)

FINDINGS = {
    Finding.NO_DATA: "no data",
    Finding.NOTHING: "nothing",
    Finding.INVENTORY_EVENT: "event",
    Finding.REPEATABLE: "repeats",
    Finding.LOSING: "lost",
    Finding.TOO_LITTLE: "unclear",
}


def kind_of(day: DayVerdict) -> str:
    """Return what a day's trades amount to, in a word; where enough was offered and none was made, that."""
    return "untraded" if day.above and not day.trades else FINDINGS[day.finding]


def title(verdict: Verdict) -> str:
    """Return what was judged: the span and the scope."""
    if verdict.span is None:
        return f"Nothing to judge yet in {verdict.scope.mode}"
    return f"{span_named(verdict.span)} (UTC), {run_named(verdict.command, verdict.scope)}"


def run_named(command: str, scope: Scope) -> str:
    """Return a run with the command that made it, said once; a scope that is no run by itself."""
    run_id = scope.run_id or ""
    if not command:
        return str(scope)
    return run_id if run_id.startswith(command) else f"{command} {run_id}"


def headline(verdict: Verdict) -> list[str]:
    """Return the answer in a few sentences, the plainest first."""
    if verdict.span is None:
        return where_to_begin(verdict.scope)
    if not verdict.days:
        return [_nothing_to_compare(verdict)]
    said = [_paid_or_not(verdict), _offered(verdict)]
    if verdict.trades:
        said.append(_sort(verdict))
    if verdict.scope.mode is Mode.SIM:
        said.append("The prices are simulated: this shows how the system works, not what a real market pays.")
    return said


def reasons(verdict: Verdict) -> list[str]:
    """Return what the sort of trades is told by, one measure each; empty where nothing would have been traded."""
    found = verdict.judgement.measures
    return [] if found is None else list(_reasons(found, verdict))


def change(verdict: Verdict) -> list[str]:
    """Return what would change the verdict, before the scale of lower fees."""
    best, needed = verdict.offered, verdict.needed_bps
    if best is None or needed is None or best.greatest_bps >= needed:
        return []
    if best.greatest_bps <= 0:
        return ["No fees at all would have done: the venues' prices never crossed."]
    short = needed - best.greatest_bps
    return [
        (
            f"The best {verdict.terms.unit} fell {in_bps(short)} bps short: a single trade takes fees of less than "
            f"{in_bps(best.greatest_bps)} bps in all, or rougher days than these."
        )
    ]


def notes(verdict: Verdict) -> list[str]:
    """Return what the figures rest on and what they leave out."""
    if verdict.span is None or verdict.offered is None:
        return []
    return [_seen(verdict), *_assumed(verdict), *_fees(verdict), *_left_out(verdict)]


def day_named(day: date, *, with_year: bool = False) -> str:
    """Return a day as 11 March."""
    return f"{day.day} {day:%B %Y}" if with_year else f"{day.day} {day:%B}"


def days_named(days: Sequence[date]) -> str:
    """Return consecutive days as 10 to 12 March, a few others one by one, many as their number."""
    if len(days) == 1:
        return day_named(days[0])
    if days[-1] - days[0] == _DAY * (len(days) - 1):
        begins = str(days[0].day) if days[0].month == days[-1].month else day_named(days[0])
        return f"{begins} to {day_named(days[-1])}"
    return (
        ", ".join(map(day_named, days)) if len(days) <= 4 else f"between {day_named(days[0])} and {day_named(days[-1])}"
    )


def route_named(route_key: str, *, is_only_symbol: bool) -> str:
    """Return a route within its two venues: from where to where, or which pair to where."""
    (buy, symbol), (sell, sold) = (leg.split(":", 1) for leg in route_key.split(">", 1))
    if is_only_symbol:
        return f"{buy} > {sell}"
    return f"{symbol} > {sell}" if symbol == sold else f"{symbol} > {sell} {sold}"


def pair_named(pair: PairVerdict) -> str:
    """Return two venues by their names, with the one pair that they were compared on where it is one."""
    symbols = symbols_of(pair)
    return " and ".join(pair.venues) + (f", {symbols[0]}" if len(symbols) == 1 else "")


def symbols_of(pair: PairVerdict) -> list[str]:
    """Return the pairs that two venues were compared on."""
    return sorted({route.route_key.split(">")[0].split(":", 1)[1] for route in pair.routes})


def span_named(span: Span) -> str:
    """Return the days of a span, with the hours where it is less than a day."""
    first, last = span.first.date(), _last_day(span.last)
    if span.last - span.first < _DAY:
        return f"{day_named(first, with_year=True)}, {span.first:%H:%M} to {span.last:%H:%M}"
    if first == last:
        return day_named(first, with_year=True)
    if (first.month, first.year) == (last.month, last.year):
        return f"{first.day} to {day_named(last, with_year=True)}"
    return f"{day_named(first, with_year=first.year != last.year)} to {day_named(last, with_year=True)}"


def _last_day(last: datetime) -> date:
    return (last - timedelta(microseconds=1)).date()


def where_to_begin(scope: Scope) -> list[str]:
    """Return what to run where nothing was ever looked at."""
    if scope.mode is Mode.REPLAY:
        return [
            "There is no replay to judge.",
            "Run one: manage.py replay FILE FILE for one-minute candles of two venues, --recording all for your own.",
        ]
    if scope.mode is Mode.SIM:
        return ["The simulated market has not run yet.", "Run it: make demo, or manage.py up --mode sim."]
    return [
        "Nothing has been seen of the real markets yet, so nobody can say whether it would have paid.",
        "Watch them, without keys and without orders: manage.py collect --duration 20m (or for days, to know).",
        "Or replay candles that you have: manage.py replay FILE FILE, then manage.py breakeven --mode replay.",
    ]


def _nothing_to_compare(verdict: Verdict) -> str:
    total = sum(count for _, _, count in verdict.looks)
    told = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for _, reason, count in verdict.looks[:3])
    if not total:
        return "Nothing was looked at in this span."
    if any(reason == "no_conversion" for _, reason, _ in verdict.looks):
        told += ". USD, USDC and USDT are different assets: a difference between their prices is no edge"
    return f"Nothing would have paid, for no two books could be compared in {total:,} looks: {told}."


def _paid_or_not(verdict: Verdict) -> str:
    days, paid = verdict.days, verdict.days_paid
    if not paid:
        return f"{_nothing_paid(days)}{_seen_but_not_traded(verdict)}"
    cleared = f"{plural(verdict.trades, 'trade')} would have cleared the fees: {_money(verdict)}."
    cleared += _seen_but_not_traded(verdict)
    if len(days) == 1:
        return f"On {day_named(days[0].day)} {cleared}"
    where = days_named([day.day for day in paid])
    without = sum(not (day.trades or day.above) for day in days)
    if len(paid) == len(days):
        return f"On every one of {len(days)} days, {where}, trades were to be had: {cleared}"
    on = where if len(paid) == 1 else f"{len(paid)} ({where})"
    if not without:
        return f"On {on} of {len(days)} days {cleared}"
    return f"On {without} of {plural(len(days), 'day')} nothing would have paid; on {on} {cleared}"


def _nothing_paid(days: Sequence[DayVerdict]) -> str:
    if len(days) == 1:
        hours = plural(days[0].hours, "hour")
        return f"Nothing would have paid on {day_named(days[0].day)} ({hours} with data)."
    return f"On {len(days)} of {len(days)} days nothing would have paid."


def _seen_but_not_traded(verdict: Verdict) -> str:
    """Tell of the days on which the edge was there and something else was lacking."""
    days = [day for day in verdict.days if day.above and not day.trades]
    if not days:
        return ""
    looks = plural(sum(day.above for day in days), verdict.terms.unit)
    on = f" On {days_named([day.day for day in days])}" if len(verdict.days) > 1 else " There"
    return f"{on} the edge was high enough in {looks}, but no trade came of it: manage.py why."


def _money(verdict: Verdict) -> str:
    planned = f"{in_usd(verdict.planned_usd)} as planned"
    if verdict.settled_usd is None:
        return f"{planned}, none of them filled"
    made = in_usd(verdict.settled_usd)
    return f"{planned}; the {verdict.executed:,} filled, in the sizes the gates let through, made {made}"


def _offered(verdict: Verdict) -> str:
    best, needed = verdict.offered, verdict.needed_bps
    needs = "" if needed is None else f"A trade needed an edge of {in_bps_needed(needed)} bps to pay both fees. "
    if best is None:
        return f"{needs}What was offered in between was not sampled: replay it again to see how far off it was."
    unit = plural(best.count, verdict.terms.unit)
    if best.greatest_bps <= 0:
        return f"{needs}In {unit} that could be compared the venues' prices never crossed."
    return (
        f"{needs}Of {unit} that could be compared half offered {in_bps(best.median_bps)} bps or less, 99 % offered "
        f"{in_bps(best.p99_bps)} or less, and the best {in_bps(best.greatest_bps)}."
    )


def _sort(verdict: Verdict) -> str:
    return {
        Finding.INVENTORY_EVENT: (
            "That is an inventory event, not a repeatable edge: it pays once, to whoever holds the coins on the right "
            "side beforehand."
        ),
        Finding.REPEATABLE: "That is a repeatable edge: it came back day after day and went away in between.",
        Finding.LOSING: "The edge came back, but it was gone by the time the orders were filled: it would have lost.",
        Finding.TOO_LITTLE: (
            "That is too little to tell a repeatable edge from an event: an edge that repeats shows on at least "
            f"{LEAST_DAYS} days and on half of all days."
        ),
    }[verdict.judgement.finding]


def _reasons(found: Measures, verdict: Verdict) -> Iterator[str]:
    signs = verdict.judgement.signs
    if found.days_watched > 1:
        yield (
            f"{in_percent(found.greatest_day_share)} of the planned profit came on one day, "
            f"{day_named(found.greatest_day)}; it paid on {found.days_paid} of {found.days_watched} days."
        )
    buy, sell = found.main_way
    drain = in_usd(found.drain_usd.quantize(Decimal(1), rounding=ROUND_CEILING)).removesuffix(".00")
    yield (
        f"{in_percent(found.same_way_share)} of the planned profit ({in_percent(found.same_way_notional_share)} of the "
        f"volume) needs the same direction, mostly bought on {buy} and sold on {sell}; with nothing sent back it would "
        f"have taken {drain} of stock on one side."
    )
    if found.last_left is not None:
        yield f"{_left_words(found.left)}: {_stayed(found.last_left) if Sign.LASTING in signs else 'it went away'}."
    if found.median_life_s is not None:
        yield f"Half of the trades were there for {lasting(int(found.median_life_s * 1_000))} or less."


def _stayed(last: Left) -> str:
    """Say no more than the latest look can tell: within a few seconds nobody has had the time to close a gap."""
    return "nobody closed it" if last.offset_ms >= LONG_MS else "most of it stayed as long as was looked"


def _left_words(left: Sequence[Left]) -> str:
    chosen = [left[0], left[len(left) // 2], left[-1]] if len(left) > 2 else left
    first, *others = (f"{in_percent(one.share)} {{}}after {lasting(one.offset_ms)}" for one in chosen)
    return ", ".join(["Of the planned edge " + first.format("was left "), *(other.format("") for other in others)])


def _seen(verdict: Verdict) -> str:
    assert verdict.span is not None
    hours, unit = sum(day.hours for day in verdict.days), verdict.terms.unit
    total = int((verdict.span.last - verdict.span.first) / timedelta(hours=1))
    pace = "Each minute counts once" if unit == "minute" else "Each second is one look"
    return f"Data in {hours:,} of {total:,} hours. {pace}, at best prices and the better way of the two, rounded down."


def _assumed(verdict: Verdict) -> Iterator[str]:
    gap = verdict.gap
    if gap is None:
        return
    above = {day: count for day, count in gap.above_by_day.items() if count}
    where = f" ({', '.join(f'{day_named(day)}: {count:,}' for day, count in above.items())})" if above else ""
    yield (
        f"Candles hold last prices, not books: a spread of {plain(gap.spread_bps)} bps is assumed around each, so an "
        f"edge is that much less than the gap between the prices. The gap itself: median "
        f"{in_bps(gap.offered.median_bps)}, 99 % {in_bps(gap.offered.p99_bps)}, greatest "
        f"{in_bps(gap.offered.greatest_bps)} bps; {plain(gap.at_least_bps)} bps or more in "
        f"{plural(sum(above.values()), 'minute')}{where}."
    )
    yield (
        "The last trades of one minute may lie 59 s apart, which makes gaps that nobody could trade, and what came and "
        "went within a minute is not seen. An order meets the next minute at its worse price."
    )


def _fees(verdict: Verdict) -> Iterator[str]:
    for venue, fees in sorted(verdict.terms.fees.items()):
        yield f"Fees of {venue}: {plain(fees.taker_bps)} bps taker, {plain(fees.maker_bps)} maker ({fees.source})."


def _left_out(verdict: Verdict) -> Iterator[str]:
    if not verdict.is_whole:
        yield "This run has not ended: it is under way or was broken off, and only what it wrote is judged."
    if any(pair.needed_bps is None for pair in verdict.pairs):
        yield "Where no fees are known for a venue, no edge is said to be needed: state them in ARB_FEES."
    if verdict.gas.swaps:
        mean = in_usd(DOWN.divide(verdict.gas.usd, Decimal(verdict.gas.swaps)))
        swaps = plural(verdict.gas.swaps, "swap")
        yield f"An edge is said to be needed for fees alone; gas comes on top: {mean} on average over {swaps}."
    if verdict.stuck:
        yield f"In no sum: {plural(verdict.stuck, 'execution')} that could not be evened out and want a person."
    if verdict.trades >= MOST_EPISODES:
        yield f"Of the trades the newest {MOST_EPISODES:,} are counted."
    if verdict.trades > MOST_MEASURED:
        yield f"What sort they are is told by the newest {MOST_MEASURED:,}."
