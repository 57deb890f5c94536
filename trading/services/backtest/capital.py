"""Capital: put at every venue before the first instant, half in quote and half in base; nothing is transferred later.

The amounts follow from the first prices alone, so that a run that is taken up again finds the same ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from domain.costs import FeeAsset, FeeSchedule, schedule_of
from domain.equity import Place
from domain.errors import BadInput
from domain.execution import LEG_TERMINAL
from domain.market import Market, MarketKey, Pair, Side
from domain.money import BPS, DOWN, EXACT, ZERO, quantize_down
from domain.scope import Scope
from trading.models import Balance, Execution, Order
from trading.services.replay.timeline import Timeline

AMOUNT_STEP = Decimal("1e-8")
HALF = Decimal("0.5")
FILL_ROUNDING = Decimal("1e-9")  # each fill is rounded up by 1e-18 twice, and no order fills a billion times


@dataclass(frozen=True, slots=True)
class Position:
    """What one asset at one venue begins with, and the price it then has there."""

    place: Place
    amount: Decimal
    price_usd: Decimal

    @property
    def usd(self) -> Decimal:
        """Return what it is worth at the start."""
        return EXACT.multiply(self.amount, self.price_usd)


@dataclass(frozen=True, slots=True)
class Listing:
    """The markets of a run, what their quotes are worth, and which market tells the price of which asset."""

    markets: tuple[MarketKey, ...]
    quote_usd: Mapping[str, Decimal]

    @property
    def priced_by(self) -> Mapping[MarketKey, Place]:
        """Return the assets whose price moves, each by the first market that trades it at its venue."""
        found: dict[Place, MarketKey] = {}
        for market in self.markets:
            if market.pair.base.symbol not in self.quote_usd:
                found.setdefault(Place(market.venue, market.pair.base.symbol), market)
        return {market: place for place, market in found.items()}

    def price_usd(self, market: MarketKey, price: Decimal) -> Decimal:
        """Return a price of this market in US dollars, on the money grid, rounded down."""
        return quantize_down(EXACT.multiply(price, self.quote_usd[market.pair.quote.symbol]))


def middle_of(book: Market) -> Decimal:
    """Return the price half-way between the best bid and the best ask, on the money grid, rounded down."""
    return quantize_down(EXACT.multiply(EXACT.add(book.best_bid, book.best_ask), HALF))


def first_prices(timeline: Timeline) -> dict[MarketKey, Decimal]:
    """Return the first middle price of every market that ever shows one."""
    missing, found = set(timeline.markets), {}
    for instant in timeline.instants():
        for market, book in instant.books.items():
            if market in missing and book.bids and book.asks:
                missing.discard(market)
                found[market] = middle_of(book)
        if not missing:
            break
    return found


def spread(capital_usd: Decimal, listing: Listing, prices: Mapping[MarketKey, Decimal]) -> tuple[Position, ...]:
    """Return the capital, equally over the venues and there over the markets, half in quote and half in base.

    What has no price of its own stays in quote, and so does what rounding leaves over.
    Raises: BadInput for capital that is too small to be spread.
    """
    venues = sorted({market.venue for market in listing.markets})
    amounts: dict[Place, Decimal] = {}
    places = {
        place: listing.price_usd(market, prices[market])
        for market, place in listing.priced_by.items()
        if market in prices
    }
    for venue in venues:
        markets = [market for market in listing.markets if market.venue == venue]
        share_usd = quantize_down(DOWN.divide(capital_usd, Decimal(len(venues) * len(markets))))
        for market in markets:
            _put(amounts, market, share_usd, places.get(Place(venue, market.pair.base.symbol)), listing)
    if any(amount <= ZERO for amount in amounts.values()):
        raise BadInput(f"{capital_usd} USD is too little to be put in {len(amounts)} places: say more as --capital-usd")
    known = places | {place: listing.quote_usd[place.asset] for place in amounts if place.asset in listing.quote_usd}
    return tuple(Position(place, amount, known[place]) for place, amount in sorted(amounts.items()))


def _put(
    amounts: dict[Place, Decimal], market: MarketKey, share_usd: Decimal, price_usd: Decimal | None, listing: Listing
) -> None:
    quote = Place(market.venue, market.pair.quote.symbol)
    if price_usd is not None:
        base = Place(market.venue, market.pair.base.symbol)
        bought = _amount(EXACT.multiply(share_usd, HALF), price_usd)
        amounts[base] = EXACT.add(amounts.get(base, ZERO), bought)
        share_usd = EXACT.subtract(share_usd, EXACT.multiply(bought, price_usd))
    amounts[quote] = EXACT.add(amounts.get(quote, ZERO), _amount(share_usd, listing.quote_usd[quote.asset]))


def _amount(usd: Decimal, price_usd: Decimal) -> Decimal:
    return DOWN.divide(usd, price_usd).quantize(AMOUNT_STEP, context=DOWN)


def put_in_place(positions: Sequence[Position], *, scope: Scope) -> None:
    """Let the accounts of a run begin with these balances; a run that has balances keeps them."""
    if Balance.objects.in_scope(scope).exists():
        return
    Balance.objects.bulk_create(
        Balance(**scope.columns, venue=one.place.venue, asset=one.place.asset, amount=one.amount) for one in positions
    )


class BalanceHoldings:
    """What a run's balances hold beyond what its running orders may still take.

    Of a quote so much is kept back that an order may fill as far beyond its planned price as its limit allows.
    """

    def __init__(self, scope: Scope, *, fees: Mapping[str, FeeSchedule], quotes: frozenset[str]) -> None:
        self._scope = scope
        self._fees = fees
        self._quotes = quotes
        self._free: dict[Place, Decimal] = {}

    def free(self, venue: str, asset: str) -> Decimal | None:
        """Return how much a new order may use; nothing where nothing was ever put."""
        amount = self._free.get(Place(venue, asset), ZERO)
        if asset not in self._quotes or amount <= ZERO:
            return amount
        beyond = EXACT.add(BPS, settings.ARB.trading.leg_slippage_bps)
        return max(quantize_down(DOWN.divide(EXACT.multiply(EXACT.subtract(amount, FILL_ROUNDING), BPS), beyond)), ZERO)

    def refresh(self) -> None:
        """Read the balances and the running orders again."""
        rows = Balance.objects.in_scope(self._scope).values_list("venue", "asset", "amount")
        free = {Place(venue, asset): amount for venue, asset, amount in rows}
        running = Execution.objects.in_scope(self._scope).filter(due_at__isnull=False).order_by().values("pk")
        for order in Order.objects.filter(execution__in=running).exclude(state__in=LEG_TERMINAL):
            place, needed = self._needed(order)
            free[place] = EXACT.subtract(free.get(place, ZERO), needed)
        self._free = free

    def _needed(self, order: Order) -> tuple[Place, Decimal]:
        pair, left = Pair.parse(order.symbol), EXACT.subtract(order.quantity, order.filled_quantity)
        if order.side == Side.SELL:
            return Place(order.venue, pair.base.symbol), left
        fee = schedule_of(self._fees, order.venue)
        quote = EXACT.multiply(left, order.limit_price)
        if fee.charged_in is not FeeAsset.RECEIVED:
            quote = EXACT.add(quote, EXACT.multiply(quote, fee.taker_share))
        return Place(order.venue, pair.quote.symbol), quote
