"""How figures are written for people: zeros trimmed, basis points with one decimal, dollars with cents, UTC."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from django.utils.html import format_html, format_html_join

from domain.routes import route_said

NOTHING = "–"
SCREEN = Context(prec=40, rounding=ROUND_HALF_EVEN)  # for the eye alone: rows keep every digit

_WORDS = {
    "reason",
    "state",
    "from_state",
    "event",
    "stage",
    "kind",
    "before",
    "after",
    "delivery",
    "model_name",
    "alias",
}
_CENT = Decimal("0.01")
_TENTH = Decimal("0.1")
_EIGHT_PLACES = Decimal("1e-8")


def shown(name: str, value: Any) -> str:
    """Return ``value`` as a column of that name is read; the unit is the last word of the name."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Decimal):
        return amount_of(name, value)
    if name == "route_key":
        return route_said(str(value))
    return words(str(value)) if name in _WORDS else str(value)


def amount_of(name: str, value: Decimal) -> str:
    """Return an amount in the unit that ends its column's name."""
    if name.endswith("usd"):
        return usd(value)
    return bps(value) if name.endswith("bps") else short(value)


def words(name: str) -> str:
    """Return a name of ours as words."""
    return name.replace("_", " ")


def exact(value: Decimal) -> str:
    """Return every digit there is, zeros trimmed."""
    return f"{SCREEN.add(value.normalize(SCREEN), 0):f}"  # adding nothing takes the sign off a zero


def short(value: Decimal) -> str:
    """Return at most eight decimals, zeros trimmed."""
    return exact(value.quantize(_EIGHT_PLACES, context=SCREEN)) if value else "0"


def aligned(values: Sequence[Decimal]) -> list[str]:
    """Return a column of figures with as many decimals as the longest needs, at most eight."""
    texts = [short(value) for value in values]
    places = max((len(text.partition(".")[2]) for text in texts), default=0)
    return [f"{value:.{places}f}" for value in values]


def bps(value: Decimal) -> str:
    """Return basis points with one decimal."""
    return f"{SCREEN.add(value.quantize(_TENTH, context=SCREEN), 0)}"


def usd(value: Decimal) -> str:
    """Return dollars and cents; less than a cent shows its two leading digits."""
    size = value.copy_abs()
    text = f"{size.quantize(_CENT, context=SCREEN):,}" if size >= _CENT or not size else _below_a_cent(size)
    return f"{'-' if value < 0 else ''}${text}"


def earned(value: Decimal) -> str:
    """Return a result in dollars and cents, rounded down as the verdict tells it."""
    return usd(value.quantize(_CENT, ROUND_FLOOR, context=SCREEN) if value.copy_abs() >= _CENT else value)


def spent(value: Decimal) -> str:
    """Return a cost in dollars and cents, rounded up: what is earned is what it leaves."""
    return usd(value.quantize(_CENT, ROUND_CEILING, context=SCREEN) if value.copy_abs() >= _CENT else value)


def coloured(text: str, *, good: bool) -> str:
    """Return a gain in green or a loss in red."""
    tone = "text-green-700 dark:text-green-400" if good else "text-red-700 dark:text-red-400"
    return format_html('<span class="{}">{}</span>', tone, text)


def joined(parts: Iterable[str]) -> str:
    """Return pieces of a page side by side."""
    return format_html_join(" ", "{}", ((part,) for part in parts))


def lines(parts: Iterable[str]) -> str:
    """Return pieces of a page one under the other."""
    return format_html_join("", "<div>{}</div>", ((part,) for part in parts))


def whole(text: str) -> str:
    """Return text that is never broken over lines."""
    return format_html('<span class="whitespace-nowrap">{}</span>', text)


def gain(name: str, value: Any) -> str:
    """Return a result of money, coloured by its sign."""
    text = earned(value) if name.endswith("usd") and isinstance(value, Decimal) else shown(name, value)
    return coloured(text, good=value > 0) if value else text


def share(value: float | None) -> str:
    """Return a share as a percentage."""
    return NOTHING if value is None else f"{value:.2%}"


def instant(at: datetime | None) -> str:
    """Return a UTC instant to the millisecond, in an order that sorts."""
    return NOTHING if at is None else f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def after(later: datetime | None, earlier: datetime) -> str:
    """Return how long after ``earlier`` something happened."""
    return NOTHING if later is None else lapse(later - earlier)


def lapse(length: timedelta) -> str:
    """Return a length of time in the unit that suits it."""
    seconds = length.total_seconds()
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    if abs(seconds) < 10:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if abs(seconds) < 120 else str(timedelta(seconds=round(seconds)))


def roughly(length: timedelta) -> str:
    """Return a length of time in its largest unit, as an age is told."""
    seconds = max(length.total_seconds(), 0.0)
    units = (("days", 86_400), ("h", 3_600), ("min", 60))
    return next((f"{seconds / one:.0f} {unit}" for unit, one in units if seconds >= 2 * one), f"{seconds:.0f} s")


def _below_a_cent(size: Decimal) -> str:
    return f"{size.quantize(Decimal(1).scaleb(size.adjusted() - 1), context=SCREEN):f}"
