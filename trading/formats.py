"""How figures are written for people on consoles and pages: every rounding is against us."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from domain.money import plain

NOTHING = "–"

_CENT = Decimal("0.01")
_TENTH = Decimal("0.1")


def in_bps(value: Decimal) -> str:
    """Return basis points with one decimal."""
    return f"{value.quantize(_TENTH, rounding=ROUND_FLOOR):,}"


def in_bps_needed(value: Decimal | None) -> str:
    """Return basis points that are needed, with one decimal, rounded up."""
    return NOTHING if value is None else f"{value.quantize(_TENTH, rounding=ROUND_CEILING):,}"


def in_usd(value: Decimal) -> str:
    """Return dollars and cents, rounded down."""
    cents = value.quantize(_CENT, rounding=ROUND_FLOOR)
    return f"{'-' if cents < 0 else ''}${abs(cents):,}"


def in_price(value: Decimal) -> str:
    """Return at most ten significant digits: a pool's price has no last one."""
    return plain(Decimal(f"{value:.10g}"))


def in_percent(value: Decimal) -> str:
    """Return a share in whole percent."""
    return f"{value:.0%}".replace("%", " %")


def lasting(offset_ms: int) -> str:
    """Return a length of time in the unit that suits it."""
    if offset_ms < 1_000:
        return f"{offset_ms} ms"
    seconds = offset_ms / 1_000
    if seconds < 60:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7_200 else f"{seconds / 3_600:.3g} h"


def spaced(name: str) -> str:
    """Return a name of ours as words."""
    return name.replace("_", " ")


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Return names of ours with how often each was counted."""
    return ", ".join(f"{spaced(name)} {count:,}" for name, count in sorted(counts.items())) or "none"
