"""Equity: what holdings are worth at each venue's own prices, and how its change splits into causes.

``hold`` is what the inventory that was there at the start gained or lost by prices alone, ``executed`` what the trades
earned by their own books, ``inventory`` what the balances that the trades moved are worth now beyond that. To the last
digit: value == start + executed + hold + inventory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from domain.errors import BadInput
from domain.money import DOWN, EXACT, ZERO, exact_sum


class Place(NamedTuple):
    """One asset at one venue."""

    venue: str
    asset: str


class Split(NamedTuple):
    """A change of equity and its causes, in US dollars."""

    executed: Decimal
    hold: Decimal
    inventory: Decimal

    @property
    def change(self) -> Decimal:
        """Return all of it."""
        return exact_sum(self)

    def since(self, before: "Split") -> "Split":
        """Return what came after ``before``."""
        return Split(*(EXACT.subtract(now, then) for now, then in zip(self, before, strict=True)))


NOTHING = Split(ZERO, ZERO, ZERO)


class Equity:
    """Follows prices, moved balances and earned results from a stated start."""

    def __init__(self, start: Mapping[Place, Decimal], prices_usd: Mapping[Place, Decimal]) -> None:
        """Begin with these amounts at these prices. Raises: BadInput for an amount without a price."""
        for place in start:
            if place not in prices_usd:
                raise BadInput(f"{place.asset} on {place.venue!r} has no price to begin with")
        self._start = dict(start)
        self._held = dict(start)
        self._prices = dict(prices_usd)
        self.start_usd = exact_sum(EXACT.multiply(amount, self._prices[place]) for place, amount in start.items())
        self._value, self._hold, self._moved, self._executed = self.start_usd, ZERO, ZERO, ZERO

    def mark(self, place: Place, price_usd: Decimal) -> None:
        """Let an asset be worth another price at its venue."""
        change = EXACT.subtract(price_usd, self._prices.get(place, ZERO))
        held, start = self._held.get(place, ZERO), self._start.get(place, ZERO)
        self._prices[place] = price_usd
        self._value = EXACT.fma(held, change, self._value)
        self._hold = EXACT.fma(start, change, self._hold)
        self._moved = EXACT.fma(EXACT.subtract(held, start), change, self._moved)

    def move(self, place: Place, amount: Decimal) -> None:
        """Let trades have brought (positive) or taken an amount. Raises: BadInput for an asset without a price."""
        price = self._prices.get(place)
        if price is None:
            raise BadInput(f"{place.asset} on {place.venue!r} was traded but has no price")
        self._held[place] = EXACT.add(self._held.get(place, ZERO), amount)
        self._value = EXACT.fma(amount, price, self._value)
        self._moved = EXACT.fma(amount, price, self._moved)

    def earn(self, net_usd: Decimal) -> None:
        """Let an execution have ended with this result."""
        self._executed = EXACT.add(self._executed, net_usd)

    @property
    def value_usd(self) -> Decimal:
        """Return what everything held is worth now."""
        return self._value

    @property
    def split(self) -> Split:
        """Return why it is not what it was at the start."""
        return Split(self._executed, self._hold, EXACT.subtract(self._moved, self._executed))

    @property
    def held(self) -> Mapping[Place, Decimal]:
        """Return every amount."""
        return dict(self._held)

    @property
    def prices_usd(self) -> Mapping[Place, Decimal]:
        """Return the price of every asset at its venue."""
        return dict(self._prices)

    def value_at(self, place: Place) -> Decimal:
        """Return what one amount is worth now."""
        return EXACT.multiply(self._held.get(place, ZERO), self._prices.get(place, ZERO))


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall of a value below its highest before."""

    usd: Decimal = ZERO
    share: Decimal = ZERO  # of the peak, rounded down
    peak_at_ns: int = 0
    trough_at_ns: int = 0


def drawdown_of(values: Iterable[tuple[int, Decimal]]) -> Drawdown:
    """Return the deepest fall, as a share of its peak, of a value that is told by instant; of a positive value only."""
    deepest = Drawdown()
    peak: tuple[int, Decimal] | None = None
    for at_ns, value in values:
        if peak is None or value > peak[1]:
            peak = at_ns, value
        if peak[1] <= ZERO:
            continue
        fall = EXACT.subtract(peak[1], value)
        share = DOWN.divide(fall, peak[1])
        if share > deepest.share:
            deepest = Drawdown(fall, share, peak[0], at_ns)
    return deepest
