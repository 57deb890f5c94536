"""How figures and reasons read on screen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from trading.selectors.results import Refusals, Swaps

_CENT = Decimal("0.01")
_TOP = 6
_TOP_OPPORTUNITIES = 4


@dataclass(frozen=True, slots=True)
class RefusalLine:
    """One reason and how often it came."""

    reason: str
    of: str  # looks, or trades that were worth it but for this
    times: int


def usd(amount: Decimal, *, signed: bool = True) -> str:
    """Return an amount in cents; one with a sign is a result, rounded down as the verdict tells it."""
    if not signed:
        return f"{amount:,.2f}"
    cents = amount.quantize(_CENT, ROUND_FLOOR) if abs(amount) >= _CENT else Decimal(0)
    return f"{cents:+,.2f}" if cents else "0.00"


def bps(value: Decimal | None) -> str:
    """Return basis points with one digit, a dash for none."""
    return "-" if value is None else f"{value if round(value, 1) else Decimal(0):.1f} bps"


def percent(share: Decimal | None) -> str:
    """Return a share of one as a percentage, a dash for none."""
    return "-" if share is None else f"{share * 100:.0f} %"


def count(number: int) -> str:
    """Return a count with its thousands set apart."""
    return f"{number:,}"


def age(age_ms: int | None) -> str:
    """Return an age in the unit that suits it, a dash for none."""
    if age_ms is None:
        return "-"
    return f"{age_ms} ms" if age_ms < 10_000 else f"{age_ms // 1000} s"


def ago(now: datetime, at: datetime) -> str:
    """Return how long ago something was."""
    return f"{max(0.0, (now - at).total_seconds()):.0f} s ago"


def swaps_in_words(swaps: Swaps, *, has_chain: bool) -> str:
    """Return what was traded with pools, or that there is no chain."""
    if not has_chain:
        return "no chain"
    told = f"{swaps.traded:,} swaps"
    if swaps.reverted:
        told += f", {swaps.reverted:,} reverted"
    return f"{told}, gas {usd(swaps.gas_usd, signed=False)} USD"


def clock_of(at: datetime) -> str:
    """Return the time of day, UTC."""
    return f"{at:%H:%M:%S}"


def spaced(name: str) -> str:
    """Return a name as words."""
    return name.replace("_", " ")


def route_in_words(route_key: str) -> str:
    """Return the venues of a route's key: ``kraken:BTC/USD>alpaca:BTC/USD`` buys on kraken."""
    buy, _, sell = route_key.partition(">")
    return f"buy on {buy.partition(':')[0]}, sell on {sell.partition(':')[0]}"


def refusal_lines(refusals: Refusals) -> list[RefusalLine]:
    """Return the commonest reasons, those of opportunities first: looks are refused by the thousand."""
    untraded = _commonest(refusals.opportunities, "trades")[:_TOP_OPPORTUNITIES]
    looks = _commonest(refusals.looks, "looks")[: _TOP - len(untraded)]
    return [*untraded, *looks]


def _commonest(reasons: Mapping[str, int], of: str) -> list[RefusalLine]:
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return [RefusalLine(spaced(reason), of, times) for reason, times in ranked]
