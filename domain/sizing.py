"""How much to trade: the depth walk that buys until the next unit no longer pays, then lots, minima and exact sums."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import lcm
from typing import NamedTuple

from domain.book import Walk, depth_of, levels_facing, taken, total_of
from domain.costs import CostKind, CostLine, FeeAsset, FeeDue, FeeSchedule, fee_on_levels, schedule_of
from domain.errors import BadInput
from domain.inventory import UNLIMITED, Holdings
from domain.market import Asset, Book, Level, MarketKey, Side
from domain.money import COLUMN_STEP, DOWN, EXACT, UP, ZERO, bps_of, floor_to_step, quantize_down, quantize_up
from domain.routes import Route

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Lot:
    """What a market accepts: steps and minima of quantity (base), of value (quote) and of price (quote per base)."""

    step: Decimal
    min_quantity: Decimal
    min_quote: Decimal
    tick: Decimal

    def __post_init__(self) -> None:
        if not (self.step.is_finite() and self.step > ZERO and self.tick.is_finite() and self.tick > ZERO):
            raise BadInput(f"a lot step of {self.step} and a tick of {self.tick} must both be positive")


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that one trade may be worth."""

    max_usd: Decimal

    def __post_init__(self) -> None:
        if not (self.max_usd.is_finite() and self.max_usd > ZERO):
            raise BadInput(f"a trade limit of {self.max_usd} USD is not a positive amount")


@dataclass(frozen=True, slots=True)
class Sized:
    """A sized trade, exact. Dust that the lots leave over counts as nothing.

    ``gross_quote`` is the edge before costs: a fee taken in base is valued at the price just paid for that base.
    """

    buy_quantity: Decimal
    sell_quantity: Decimal
    buy_quote: Decimal
    sell_quote: Decimal
    buy_worst: Decimal
    sell_worst: Decimal
    gross_quote: Decimal
    net_quote: Decimal
    costs: tuple[CostLine, ...]


class Rejected(NamedTuple):
    """Why a route was not taken, and how far it came; the edges where they were reckoned."""

    route: Route
    reason: str
    at_stage: str
    gross_bps: Decimal | None = None
    net_bps: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """All that sizing one route depends on, beside its two books."""

    buy_fee: FeeSchedule
    sell_fee: FeeSchedule
    buy_lot: Lot
    sell_lot: Lot
    usd_rate: Decimal  # US dollars per unit of quote
    max_quote: Decimal
    free_quote: Decimal | None  # at the buy venue; None where nothing limits it
    free_base: Decimal | None  # at the sell venue

    @property
    def kept_share(self) -> Decimal:
        """Return which share of the base bought is left to sell."""
        in_base = self.buy_fee.charged_in is FeeAsset.RECEIVED
        return EXACT.subtract(_ONE, self.buy_fee.taker_share) if in_base else _ONE

    @property
    def paid_ratio(self) -> Decimal:
        """Return what a unit of quote spent costs with its fee."""
        in_base = self.buy_fee.charged_in is FeeAsset.RECEIVED
        return _ONE if in_base else EXACT.add(_ONE, self.buy_fee.taker_share)

    @property
    def received_ratio(self) -> Decimal:
        """Return what is left of a unit of quote received."""
        return EXACT.subtract(_ONE, self.sell_fee.taker_share)


def size_route(
    route: Route,
    markets: tuple[Book, Book],
    *,
    fees: Mapping[str, FeeSchedule],
    lots: Mapping[MarketKey, Lot],
    caps: Caps,
    quote_usd: Mapping[str, Decimal],
    holdings: Holdings = UNLIMITED,
) -> Sized | Rejected:
    """Return the most profitable size that both books, both lots, the cap and the holdings allow, reckoned exactly.

    The buy venue must hold the quote for the whole order at its worst price with its fee, the sell venue the base.
    Raises: BadInput where fees or lots of a market are not stated.
    """
    quote = route.buy.pair.quote
    if quote != route.sell.pair.quote:
        return Rejected(route, "no_conversion", "conversion")
    usd_rate = quote_usd.get(quote.symbol)
    if usd_rate is None or usd_rate <= ZERO:
        return Rejected(route, "no_rate", "size")
    terms = _terms_of(route, fees, lots, caps, usd_rate, holdings)
    try:
        return _best(route, markets, terms)
    except ArithmeticError:  # the digits of these books do not fit our reckoning: no trade is worth guessing at
        return Rejected(route, "out_of_range", "size")


def ceil_to_step(quantity: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of ``step`` not below ``quantity`` (both positive)."""
    floored = floor_to_step(quantity, step)
    return floored if floored == quantity else EXACT.add(floored, step)


@lru_cache(maxsize=1024)
def common_step(one: Decimal, other: Decimal) -> Decimal:
    """Return the smallest quantity that is a multiple of both steps."""
    exponents = [int(step.as_tuple().exponent) for step in (one, other)]
    scale = min(exponents)
    first, second = (int(step.scaleb(-scale, context=EXACT)) for step in (one, other))
    return Decimal(lcm(first, second)).scaleb(scale, context=EXACT)


def paying_depth(asks: Iterable[Level], bids: Iterable[Level]) -> Decimal:
    """Return how much can be bought from ``asks`` and sold to ``bids`` while the next unit pays; prices after fees."""
    asks, bids, total = iter(asks), iter(bids), ZERO
    ask, bid = next(asks, None), next(bids, None)
    while ask is not None and bid is not None and bid.price > ask.price:
        part = min(ask.quantity, bid.quantity)
        total = EXACT.add(total, part)
        ask = _without(ask, part) or next(asks, None)
        bid = _without(bid, part) or next(bids, None)
    return total


def affordable(asks: Sequence[Level], max_quote: Decimal) -> Decimal:
    """Return how much of ``asks`` can be bought for ``max_quote``, rounded down."""
    total, left = ZERO, max_quote
    for price, quantity in asks:
        cost = EXACT.multiply(price, quantity)
        if cost > left:
            return EXACT.add(total, quantize_down(DOWN.divide(left, price)))
        total, left = EXACT.add(total, quantity), EXACT.subtract(left, cost)
    return total


def coverable(asks: Iterable[Level], free_quote: Decimal, *, paid_ratio: Decimal) -> Decimal:
    """Return for how much of ``asks`` an order can be paid if all of it traded at its worst price, rounded down."""
    total = ZERO
    for price, quantity in asks:
        most = quantize_down(DOWN.divide(free_quote, EXACT.multiply(price, paid_ratio)))
        if most < EXACT.add(total, quantity):
            return max(total, most)
        total = EXACT.add(total, quantity)
    return total


def quote_needed(asks: Sequence[Level], quantity: Decimal, fee: FeeSchedule) -> Decimal:
    """Return what a venue sets aside for a buy: all of it at the worst price it takes, with the fee of each fill."""
    levels = taken(asks, quantity, limit=None, side=Side.BUY)
    at_worst = [Level(levels[-1].price, part) for _, part in levels]
    due = fee_on_levels(fee, side=Side.BUY, taken=at_worst)
    quote = total_of(at_worst).quote
    return quote if due.asset_is_base else EXACT.add(quote, due.amount)


def _terms_of(
    route: Route,
    fees: Mapping[str, FeeSchedule],
    lots: Mapping[MarketKey, Lot],
    caps: Caps,
    usd_rate: Decimal,
    holdings: Holdings,
) -> Terms:
    pair = route.buy.pair
    return Terms(
        buy_fee=schedule_of(fees, route.buy.venue),
        sell_fee=schedule_of(fees, route.sell.venue),
        buy_lot=_lot_of(lots, route.buy.market),
        sell_lot=_lot_of(lots, route.sell.market),
        usd_rate=usd_rate,
        max_quote=quantize_down(DOWN.divide(caps.max_usd, usd_rate)),
        free_quote=holdings.free(route.buy.venue, pair.quote.symbol),
        free_base=holdings.free(route.sell.venue, pair.base.symbol),
    )


def _lot_of(lots: Mapping[MarketKey, Lot], market: MarketKey) -> Lot:
    try:
        return lots[market]
    except KeyError:
        raise BadInput(f"no lot sizes are known for {market.pair} on {market.venue!r}") from None


def _best(route: Route, markets: tuple[Book, Book], terms: Terms) -> Sized | Rejected:
    asks, bids = levels_facing(markets[0], Side.BUY), levels_facing(markets[1], Side.SELL)
    paying = paying_depth(_asks_after_fees(asks, terms), _bids_after_fees(bids, terms))
    if paying == ZERO:
        return Rejected(route, "below_threshold", "cost")
    best = _best_within(affordable(asks, terms.max_quote), paying, route, (asks, bids), terms)
    if best is None:
        return Rejected(route, "too_small", "size")
    if best.net_quote <= ZERO:
        return Rejected(route, "below_threshold", "cost")
    if _is_held(best, asks, terms):
        return best
    limit = min(_held(asks, terms), affordable(asks, terms.max_quote))
    fewer = _best_within(limit, paying, route, (asks, bids), terms)
    return fewer if fewer is not None and fewer.net_quote > ZERO else _unheld(route, best)


def _best_within(
    limit: Decimal, paying: Decimal, route: Route, facing: tuple[Sequence[Level], Sequence[Level]], terms: Terms
) -> Sized | None:
    asks, bids = facing
    sizes = [_sized(route, asks, bids, pair, terms) for pair in _lot_pairs(asks, min(paying, limit), limit, terms)]
    return max((size for size in sizes if size is not None), key=lambda size: size.net_quote, default=None)


def _is_held(sized: Sized, asks: Sequence[Level], terms: Terms) -> bool:
    if terms.free_base is not None and sized.sell_quantity > terms.free_base:
        return False
    return terms.free_quote is None or quote_needed(asks, sized.buy_quantity, terms.buy_fee) <= terms.free_quote


def _held(asks: Sequence[Level], terms: Terms) -> Decimal:
    """How much may be bought so that the quote pays for it and the base covers what is then sold."""
    limits = [depth_of(asks)]
    if terms.free_quote is not None:
        rounding = EXACT.multiply(COLUMN_STEP, Decimal(len(asks)))  # each fill's fee is rounded up
        free_quote = max(EXACT.subtract(terms.free_quote, rounding), ZERO)
        limits.append(coverable(asks, free_quote, paid_ratio=terms.paid_ratio))
    if terms.free_base is not None:
        limits.append(quantize_down(DOWN.divide(max(terms.free_base, ZERO), terms.kept_share)))
    return min(limits)


def _unheld(route: Route, best: Sized) -> Rejected:
    edges_bps = (quantize_down(bps_of(part, best.buy_quote)) for part in (best.gross_quote, best.net_quote))
    return Rejected(route, "no_inventory", "size", *edges_bps)


def _asks_after_fees(asks: Sequence[Level], terms: Terms) -> Iterator[Level]:
    ratio = terms.paid_ratio
    return (Level(EXACT.multiply(price, ratio), quantity) for price, quantity in asks)


def _bids_after_fees(bids: Sequence[Level], terms: Terms) -> Iterator[Level]:
    kept = terms.kept_share
    ratio = EXACT.multiply(terms.received_ratio, kept)
    return (Level(EXACT.multiply(price, ratio), quantize_down(DOWN.divide(quantity, kept))) for price, quantity in bids)


def _lot_pairs(
    asks: Sequence[Level], wanted: Decimal, limit: Decimal, terms: Terms
) -> Iterator[tuple[Decimal, Decimal]]:
    # Profit is concave in the size, so its best multiple is one of the two that enclose the best size of all.
    yield _lots_within(asks, wanted, terms)
    above = _lots_within(asks, EXACT.add(wanted, _grid(terms)), terms)
    if above[0] <= limit:
        yield above


def _grid(terms: Terms) -> Decimal:
    if terms.buy_fee.charged_in is FeeAsset.QUOTE:
        return common_step(terms.buy_lot.step, terms.sell_lot.step)
    return ceil_to_step(UP.divide(terms.sell_lot.step, terms.kept_share), terms.buy_lot.step)


def _lots_within(asks: Sequence[Level], bought: Decimal, terms: Terms) -> tuple[Decimal, Decimal]:
    if terms.buy_fee.charged_in is FeeAsset.QUOTE:
        equal = floor_to_step(bought, _grid(terms))
        return equal, equal
    step = terms.buy_lot.step
    sold = floor_to_step(_left_after_fee(asks, floor_to_step(bought, step), terms), terms.sell_lot.step)
    needed = ceil_to_step(UP.divide(sold, terms.kept_share), step)
    if _left_after_fee(asks, needed, terms) < sold:  # each fill's fee is rounded up
        needed = EXACT.add(needed, step)
    return needed, sold


def _left_after_fee(asks: Sequence[Level], bought: Decimal, terms: Terms) -> Decimal:
    levels = taken(asks, bought, limit=None, side=Side.BUY)
    return max(EXACT.subtract(bought, fee_on_levels(terms.buy_fee, side=Side.BUY, taken=levels).amount), ZERO)


def _sized(
    route: Route, asks: Sequence[Level], bids: Sequence[Level], lots: tuple[Decimal, Decimal], terms: Terms
) -> Sized | None:
    buying = taken(asks, lots[0], limit=None, side=Side.BUY)
    selling = taken(bids, lots[1], limit=None, side=Side.SELL)
    buy, sell = total_of(buying), total_of(selling)
    if (buy.quantity, sell.quantity) != lots or not (_suits(terms.buy_lot, buy) and _suits(terms.sell_lot, sell)):
        return None
    buy_due = fee_on_levels(terms.buy_fee, side=Side.BUY, taken=buying)
    sell_due = fee_on_levels(terms.sell_fee, side=Side.SELL, taken=selling)
    return _sum_up(route, (buy, sell), _fee_values(buying, (buy_due, sell_due), terms), (buy_due, sell_due), terms)


def _suits(lot: Lot, walk: Walk) -> bool:
    return walk.quantity > ZERO and walk.quantity >= lot.min_quantity and walk.quote >= lot.min_quote


def _fee_values(buying: Sequence[Level], dues: tuple[FeeDue, FeeDue], terms: Terms) -> tuple[Decimal, Decimal]:
    """What each leg's fee is worth in quote."""
    buy_due, sell_due = dues
    if not buy_due.asset_is_base:
        return buy_due.amount, sell_due.amount
    value = ZERO
    for level in buying:
        fee = fee_on_levels(terms.buy_fee, side=Side.BUY, taken=(level,)).amount
        value = EXACT.fma(fee, level.price, value)
    return value, sell_due.amount


def _sum_up(
    route: Route, walks: tuple[Walk, Walk], values: tuple[Decimal, Decimal], dues: tuple[FeeDue, FeeDue], terms: Terms
) -> Sized:
    buy, sell = walks
    edge = EXACT.subtract(sell.quote, buy.quote)
    gross = EXACT.add(edge, values[0]) if dues[0].asset_is_base else edge
    pair, names = route.buy.pair, (terms.buy_fee.source, terms.sell_fee.source)
    assets = (pair.base if dues[0].asset_is_base else pair.quote, pair.quote)
    return Sized(
        buy_quantity=buy.quantity,
        sell_quantity=sell.quantity,
        buy_quote=buy.quote,
        sell_quote=sell.quote,
        buy_worst=buy.worst_price,
        sell_worst=sell.worst_price,
        gross_quote=gross,
        net_quote=EXACT.subtract(gross, EXACT.add(*values)),
        costs=tuple(_fee_line(*line, terms) for line in zip(assets, dues, values, names, strict=True)),
    )


def _fee_line(asset: Asset, due: FeeDue, value: Decimal, source: str, terms: Terms) -> CostLine:
    usd = quantize_up(EXACT.multiply(value, terms.usd_rate))
    return CostLine(CostKind.FEE, asset, due.amount, usd, source)


def _without(level: Level, part: Decimal) -> Level | None:
    left = EXACT.subtract(level.quantity, part)
    return Level(level.price, left) if left > ZERO else None
