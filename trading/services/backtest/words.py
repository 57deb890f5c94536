"""A report in plain words: what it came to, what to make of that, and what it rests on."""

from collections.abc import Iterator
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from domain.detection import STAGES
from domain.money import EXACT, ZERO, plain
from trading.formats import counts_in_words, spaced
from trading.services.backtest.figures import Report
from trading.services.replay.summary import EXECUTION_STAGE

CENT = Decimal("0.01")
MOST_REFUSALS = 8


def usd(amount: Decimal) -> str:
    """Return what something is worth, to the nearest cent."""
    return f"{amount.quantize(CENT, rounding=ROUND_HALF_EVEN):,.2f}"


def change(amount: Decimal) -> str:
    """Return a gain or a loss to the cent, with its sign, rounded down: a loss is never shown smaller than it is."""
    return f"{_cents(amount):+,.2f}"


def cost(amount: Decimal) -> str:
    """Return a cost to the cent, rounded up."""
    return f"{_cents(amount.copy_negate()).copy_negate() + ZERO:,.2f}"


def percent(share: Decimal) -> str:
    """Return a share in per cent."""
    return f"{share.scaleb(2):.2f} %"


def quantity(amount: Decimal) -> str:
    """Return an amount of an asset to six digits, rounded down."""
    return f"{amount.quantize(Decimal('1e-6'), rounding=ROUND_FLOOR):,f}"


def route_name(key: str) -> str:
    """Return a route as people say it: ``kraken > alpaca BTC/USD`` where both legs trade one pair."""
    buy, _, sell = key.partition(">")
    (buy_venue, _, bought), (sell_venue, _, sold) = buy.partition(":"), sell.partition(":")
    return f"{buy_venue} > {sell_venue} {bought}" if bought == sold else key


def traded_usd(report: Report) -> Decimal:
    """Return what trading made beside holding: what it earned, and what lying elsewhere is worth."""
    return EXACT.add(report.executed_usd, report.inventory_usd)


def span(report: Report) -> str:
    """Return from when to when it was."""
    return f"{report.first_at:%Y-%m-%d %H:%M} to {report.last_at:%Y-%m-%d %H:%M} UTC"


def headline(report: Report) -> list[str]:
    """Return what it came to, in sentences; the first is the answer."""
    return [_answer(report), _parts(report), *_dry(report)]


def _answer(report: Report) -> str:
    made = _cents(traded_usd(report))
    if not report.fills_anything:
        return "No trade was made: nothing paid after every cost, or nothing was let through."
    if made > ZERO:
        return f"Trading would have paid: {made:,.2f} USD more than holding the same coins and doing nothing."
    return f"Trading would not have paid: holding the same coins and doing nothing leaves {-made:,.2f} USD more."


def _parts(report: Report) -> str:
    return (
        f"{usd(report.start_usd)} USD came to {usd(report.end_usd)} USD ({change(report.change_usd)}): the trades "
        f"earned {change(report.executed_usd)}, prices moved what was held from the start by "
        f"{change(report.hold_usd)}, and what the trades moved from venue to venue is worth "
        f"{change(report.inventory_usd)} there."
    )


def _dry(report: Report) -> Iterator[str]:
    short = sum(route.short_looks for route in report.routes)
    if short:
        worst = max(report.routes, key=lambda route: route.short_looks)
        yield (
            f"A venue had run dry: {short:,} looks paid but found too little left to trade, most on "
            f"{route_name(worst.route)}."
        )
    if below := [place for place in report.places if place.lowest < ZERO]:
        named = ", ".join(f"{place.asset} on {place.venue} ({quantity(place.lowest)})" for place in below)
        yield f"More was used than was there: {named}."


def capital(report: Report) -> str:
    """Return what was put where, and whether it was a limit."""
    venues = " and ".join(sorted({place.venue for place in report.places}))
    limit = (
        "no trade used more than lay at its two venues"
        if report.is_limited
        else "trades were not limited by it: balances may be below zero"
    )
    return (
        f"{plain(report.capital_usd)} USD put at {venues} before the first instant, half in quote and half in coins at "
        f"the first prices; nothing was transferred later, and {limit}."
    )


def sum_of_parts(report: Report) -> str:
    """Return the sum to the last digit."""
    executed, hold, inventory, total, left = map(
        plain, (report.executed_usd, report.hold_usd, report.inventory_usd, report.change_usd, report.remainder_usd)
    )
    return f"Exactly: executed {executed} + hold {hold} + inventory {inventory} = {total}, remainder {left}."


def reasons(report: Report) -> list[str]:
    """Return why nothing more was traded, how executions ended, what breakers did."""
    stages = (report.refused.get(stage, {}) for stage in reversed((*STAGES, EXECUTION_STAGE)))  # the nearest first
    listed = [(reason, count) for found in stages for reason, count in sorted(found.items(), key=_often)]
    told = ", ".join(f"{spaced(reason)} {count:,}" for reason, count in listed[:MOST_REFUSALS])
    return [
        f"Why nothing, or no more, was traded: {told or 'nothing was refused'}.",
        f"Executions by final state: {counts_in_words(report.executions)}.",
        f"Breakers, times opened: {counts_in_words(report.trips)}.",
    ]


def _often(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_FLOOR)
