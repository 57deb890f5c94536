"""How much to trade: buy until the next unit no longer pays, then lots, minima, gas and exact sums.

On an order book the walk over its levels finds that point; on a pool the price of the next unit is solved for the
quantity, level by level of the book on the other side.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from domain.book import Walk
from domain.costs import CostKind, CostLine, FeeAsset, FeeSchedule, schedule_of
from domain.errors import BadInput
from domain.gas import GasDue
from domain.inventory import UNLIMITED, Holdings
from domain.market import Asset, Level, Market, MarketKey, PoolState, Side
from domain.money import (
    DOWN,
    EXACT,
    UP,
    ZERO,
    bps_of,
    ceil_to_step,
    common_step,
    floor_to_step,
    from_raw,
    quantize_down,
    quantize_up,
)
from domain.pool_swaps import bought_until, sold_until
from domain.routes import Leg, Route
from domain.sides import BookSide, MarketSide, PoolSide, Taken, side_of
from domain.terms import Lot, Rejected, SizeConfig, Sized, Terms

Sides: TypeAlias = tuple[MarketSide, MarketSide]


def size_route(
    route: Route,
    markets: tuple[Market, Market],
    *,
    config: SizeConfig,
    holdings: Holdings = UNLIMITED,
    gas: GasDue | None = None,
) -> Sized | Rejected:
    """Return the most profitable size that both markets, both lots, the cap and the holdings allow, reckoned exactly.

    The buy venue must hold the quote for the whole order at its worst price with its fee, the sell venue the base.
    ``gas`` is what the leg on a pool costs whatever its size: it decides whether the best size pays at all.
    Raises: BadInput where fees or lots of a market are not stated, or where a pool's fee is stated twice.
    """
    terms = _terms_of(route, markets, config=config, holdings=holdings, gas=gas)
    if isinstance(terms, Rejected):
        return terms
    try:
        return _best(route, _sides_of(markets, terms), terms)
    except ArithmeticError:  # the digits of these markets do not fit our reckoning: no trade is worth guessing at
        return Rejected(route, "out_of_range", "size")


def size_near_miss(
    route: Route,
    markets: tuple[Market, Market],
    *,
    config: SizeConfig,
    gas: GasDue | None = None,
) -> Sized | None:
    """Return the trade that a route which falls short would be: what pays of it, else the best levels of both markets.

    The best levels are what a route is worth that just begins to pay. None where lots or the cap leave nothing of it.
    Raises: as ``size_route``.
    """
    terms = _terms_of(route, markets, config=config, gas=gas)
    if isinstance(terms, Rejected):
        return None
    sides = _sides_of(markets, terms)
    try:
        wanted = _paying(*sides, terms) or min(markets[0].asks[0].quantity, markets[1].bids[0].quantity)
        return _best_within(sides[0].affordable(terms.max_quote), wanted, route, sides, terms)
    except ArithmeticError:
        return None


def take_route(
    route: Route,
    markets: tuple[Market, Market],
    quantities: tuple[Decimal, Decimal],
    *,
    config: SizeConfig,
    gas: GasDue | None = None,
) -> Sized | None:
    """Return what buying and selling exactly ``quantities`` comes to, gain or loss; None where less of it is shown.

    Raises: as ``size_route``.
    """
    terms = _terms_of(route, markets, config=config, gas=gas)
    if isinstance(terms, Rejected):
        return None
    try:
        buy, sell = (side.take(part) for side, part in zip(_sides_of(markets, terms), quantities, strict=True))
        return None if buy is None or sell is None else _sum_up(route, buy, sell, terms)
    except ArithmeticError:
        return None


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


def paying_from_pool(pool: PoolState, bids: Iterable[Level]) -> Decimal:
    """Return how much can be bought from ``pool`` and sold to ``bids`` while the next unit pays; bids after fees."""
    total = ZERO
    for price, quantity in bids:
        best = bought_until(pool, price)
        if best < EXACT.add(total, quantity):
            return max(total, best)
        total = EXACT.add(total, quantity)
    return total


def paying_to_pool(asks: Iterable[Level], pool: PoolState, *, kept_share: Decimal = Decimal(1)) -> Decimal:
    """Return how much can be bought from ``asks`` while what is kept of the next unit still pays sold to ``pool``.

    The asks' prices are after fees, and for a unit that is sold.
    """
    total = ZERO
    for price, quantity in asks:
        best = DOWN.divide(sold_until(pool, price), kept_share)
        if best < EXACT.add(total, quantity):
            return max(total, best)
        total = EXACT.add(total, quantity)
    return total


def _terms_of(
    route: Route,
    markets: tuple[Market, Market],
    *,
    config: SizeConfig,
    holdings: Holdings = UNLIMITED,
    gas: GasDue | None = None,
) -> Terms | Rejected:
    quote = route.buy.pair.quote
    if quote != route.sell.pair.quote:
        return Rejected(route, "no_conversion", "conversion")
    usd_rate = config.quote_usd.get(quote.symbol)
    if usd_rate is None or usd_rate <= ZERO:
        return Rejected(route, "no_rate", "size")
    buy, sell = zip(route.legs, markets, strict=True)
    return Terms(
        buy_fee=_fee_of(config.fees, *buy),
        sell_fee=_fee_of(config.fees, *sell),
        buy_lot=_lot_of(config.lots, *buy),
        sell_lot=_lot_of(config.lots, *sell),
        usd_rate=usd_rate,
        max_quote=quantize_down(DOWN.divide(config.caps.max_usd, usd_rate)),
        free_quote=holdings.free(route.buy.venue, quote.symbol),
        free_base=holdings.free(route.sell.venue, route.buy.pair.base.symbol),
        gas=gas,
    )


def _sides_of(markets: tuple[Market, Market], terms: Terms) -> Sides:
    return side_of(markets[0], Side.BUY, terms.buy_fee), side_of(markets[1], Side.SELL, terms.sell_fee)


def _fee_of(fees: Mapping[str, FeeSchedule], leg: Leg, market: Market) -> FeeSchedule:
    stated = schedule_of(fees, leg.venue)
    if not isinstance(market, PoolState):
        return stated
    if stated.taker_bps != ZERO:
        raise BadInput(
            f"{leg.venue!r} is said to charge {stated.taker_bps} bps, but a pool's fee is inside its price: state 0"
        )
    return stated if stated.charged_in is FeeAsset.QUOTE else replace(stated, charged_in=FeeAsset.QUOTE)


def _lot_of(lots: Mapping[MarketKey, Lot], leg: Leg, market: Market) -> Lot:
    try:
        lot = lots[leg.market]
    except KeyError:
        raise BadInput(f"no lot sizes are known for {leg.pair} on {leg.venue!r}") from None
    if not isinstance(market, PoolState):
        return lot
    step = common_step(lot.step, from_raw(1, market.base_decimals))  # no token has a part of its unit
    return lot if step == lot.step else replace(lot, step=step)


def _best(route: Route, sides: Sides, terms: Terms) -> Sized | Rejected:
    buy = sides[0]
    paying = _paying(*sides, terms)
    if paying == ZERO:
        return Rejected(route, "below_threshold", "cost")
    most = buy.affordable(terms.max_quote)
    best = _best_within(most, paying, route, sides, terms)
    if best is None:
        return Rejected(route, "too_small", "size")
    if best.net_quote <= ZERO:
        return _unpaid(route, best, terms)
    if _is_held(best, buy, terms):
        return best
    fewer = _best_within(min(_held(buy, terms), most), paying, route, sides, terms)
    if fewer is not None and fewer.net_quote > ZERO and _is_held(fewer, buy, terms):
        return fewer
    return _with_edges(Rejected(route, "no_inventory", "size"), best)


def _paying(buy: MarketSide, sell: MarketSide, terms: Terms) -> Decimal:
    """How much can be bought while the next unit pays."""
    if isinstance(buy, PoolSide):
        return ZERO if isinstance(sell, PoolSide) else paying_from_pool(buy.pool, _bids_after_fees(sell, terms))
    if isinstance(sell, PoolSide):
        return _paying_to_pool(buy, sell, terms)
    return paying_depth(_asks_after_fees(buy, terms), _bids_after_fees(sell, terms))


def _paying_to_pool(buy: BookSide, sell: PoolSide, terms: Terms) -> Decimal:
    per_sold = EXACT.multiply(terms.received_ratio, terms.kept_share)
    asks = (Level(UP.divide(price, per_sold), quantity) for price, quantity in _asks_after_fees(buy, terms))
    return paying_to_pool(asks, sell.pool, kept_share=terms.kept_share)


def _best_within(limit: Decimal, paying: Decimal, route: Route, sides: Sides, terms: Terms) -> Sized | None:
    pairs = _lot_pairs(sides[0], min(paying, limit), limit, terms)
    sizes = [_sized(route, sides, pair, terms) for pair in pairs]
    return max((size for size in sizes if size is not None), key=lambda size: size.net_quote, default=None)


def _is_held(sized: Sized, buy: MarketSide, terms: Terms) -> bool:
    if terms.free_base is not None and sized.sell_quantity > terms.free_base:
        return False
    return terms.free_quote is None or buy.needed(sized.buy_quantity) <= terms.free_quote


def _held(buy: MarketSide, terms: Terms) -> Decimal:
    """How much may be bought so that the quote pays for it and the base covers what is then sold."""
    covered = buy.coverable(terms.free_quote, paid_ratio=terms.paid_ratio)
    if terms.free_base is None:
        return covered
    return min(covered, quantize_down(DOWN.divide(max(terms.free_base, ZERO), terms.kept_share)))


def _unpaid(route: Route, best: Sized, terms: Terms) -> Rejected:
    rejected = Rejected(route, "below_threshold", "cost")
    return rejected if terms.gas is None else _with_edges(rejected, best)


def _with_edges(rejected: Rejected, best: Sized) -> Rejected:
    gross_bps, net_bps = (quantize_down(bps_of(part, best.buy_quote)) for part in (best.gross_quote, best.net_quote))
    return rejected._replace(gross_bps=gross_bps, net_bps=net_bps)


def _asks_after_fees(buy: BookSide, terms: Terms) -> Iterator[Level]:
    ratio = terms.paid_ratio
    return (Level(EXACT.multiply(price, ratio), quantity) for price, quantity in buy.levels)


def _bids_after_fees(sell: BookSide, terms: Terms) -> Iterator[Level]:
    kept = terms.kept_share
    ratio = EXACT.multiply(terms.received_ratio, kept)
    return (
        Level(EXACT.multiply(price, ratio), quantize_down(DOWN.divide(quantity, kept)))
        for price, quantity in sell.levels
    )


def _lot_pairs(buy: MarketSide, wanted: Decimal, limit: Decimal, terms: Terms) -> Iterator[tuple[Decimal, Decimal]]:
    # Profit is concave in the size, so its best multiple is one of the two that enclose the best size of all.
    yield _lots_within(buy, wanted, terms)
    above = _lots_within(buy, EXACT.add(wanted, _grid(terms)), terms)
    if above[0] <= limit:
        yield above


def _grid(terms: Terms) -> Decimal:
    if terms.buy_fee.charged_in is FeeAsset.QUOTE:
        return common_step(terms.buy_lot.step, terms.sell_lot.step)
    return ceil_to_step(UP.divide(terms.sell_lot.step, terms.kept_share), terms.buy_lot.step)


def _lots_within(buy: MarketSide, bought: Decimal, terms: Terms) -> tuple[Decimal, Decimal]:
    if terms.buy_fee.charged_in is FeeAsset.QUOTE:
        equal = floor_to_step(bought, _grid(terms))
        return equal, equal
    step = terms.buy_lot.step
    sold = floor_to_step(_left_after_fee(buy, floor_to_step(bought, step)), terms.sell_lot.step)
    needed = ceil_to_step(UP.divide(sold, terms.kept_share), step)
    if _left_after_fee(buy, needed) < sold:  # each fill's fee is rounded up
        needed = EXACT.add(needed, step)
    return needed, sold


def _left_after_fee(buy: MarketSide, bought: Decimal) -> Decimal:
    return max(EXACT.subtract(bought, buy.due(bought).amount), ZERO)


def _sized(route: Route, sides: Sides, lots: tuple[Decimal, Decimal], terms: Terms) -> Sized | None:
    buy, sell = sides[0].take(lots[0]), sides[1].take(lots[1])
    if buy is None or sell is None:
        return None
    is_accepted = _suits(terms.buy_lot, buy.walk) and _suits(terms.sell_lot, sell.walk)
    return _sum_up(route, buy, sell, terms) if is_accepted else None


def _suits(lot: Lot, walk: Walk) -> bool:
    return walk.quantity > ZERO and walk.quantity >= lot.min_quantity and walk.quote >= lot.min_quote


def _sum_up(route: Route, buy: Taken, sell: Taken, terms: Terms) -> Sized:
    edge = EXACT.subtract(sell.walk.quote, buy.walk.quote)
    gross = EXACT.add(edge, buy.fee_quote) if buy.due.asset_is_base else edge
    net = EXACT.subtract(gross, EXACT.add(buy.fee_quote, sell.fee_quote))
    return Sized(
        buy_quantity=buy.walk.quantity,
        sell_quantity=sell.walk.quantity,
        buy_quote=buy.walk.quote,
        sell_quote=sell.walk.quote,
        buy_worst=buy.walk.worst_price,
        sell_worst=sell.walk.worst_price,
        gross_quote=gross,
        net_quote=net if terms.gas is None else EXACT.subtract(net, terms.gas.quote),
        costs=tuple(_cost_lines(route, buy, sell, terms)),
    )


def _cost_lines(route: Route, buy: Taken, sell: Taken, terms: Terms) -> Iterator[CostLine]:
    pair = route.buy.pair
    buy_asset = pair.base if buy.due.asset_is_base else pair.quote
    yield _cost_line(CostKind.FEE, buy_asset, buy.due.amount, buy.fee_quote, terms.buy_fee.source, terms.usd_rate)
    yield _cost_line(CostKind.FEE, pair.quote, sell.due.amount, sell.fee_quote, terms.sell_fee.source, terms.usd_rate)
    if terms.gas is not None:
        gas = terms.gas
        yield _cost_line(CostKind.GAS, gas.asset, gas.amount, gas.quote, gas.source, terms.usd_rate)


def _cost_line(kind: CostKind, asset: Asset, amount: Decimal, quote: Decimal, source: str, rate: Decimal) -> CostLine:
    return CostLine(kind, asset, amount, quantize_up(EXACT.multiply(quote, rate)), source)


def _without(level: Level, part: Decimal) -> Level | None:
    left = EXACT.subtract(level.quantity, part)
    return Level(level.price, left) if left > ZERO else None
