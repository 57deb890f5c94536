"""Double-entry book-keeping of fills, and the waterfall that explains every result to the last digit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.errors import BadInput
from domain.fills import Fill
from domain.market import Asset, Pair, Side
from domain.money import DOWN, EXACT, ZERO, exact_sum, quantize_down, quantize_up

OURS = "venue:"  # begins the name of every account of our own


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: what an account gains (positive) or gives (negative) of an asset."""

    account: str
    asset: Asset
    amount: Decimal

    @property
    def venue(self) -> str | None:
        """Return the venue that keeps this account of ours; None for the market's and the fees'."""
        return self.account.removeprefix(OURS) if self.account.startswith(OURS) else None


def entries_for(venue: str, pair: Pair, side: Side, fill: Fill) -> tuple[Entry, ...]:
    """Return the lines that book one fill; they sum to zero in every asset.

    A value finer than the money column's grid is rounded against us.
    """
    quote = _column_quote(side, fill)
    base, paid = (fill.quantity, quote.copy_negate()) if side is Side.BUY else (fill.quantity.copy_negate(), quote)
    moves = (*_move(venue, "market", pair.base, base), *_move(venue, "market", pair.quote, paid))
    if fill.fee == ZERO:
        return moves
    return (*moves, *_move(venue, "fees", fill.fee_asset, quantize_up(fill.fee).copy_negate()))


def gas_entries(venue: str, asset: Asset, amount: Decimal) -> tuple[Entry, Entry]:
    """Return the lines that book what a chain took for a transaction; they sum to zero."""
    return _move(venue, "gas", asset, quantize_up(amount).copy_negate())


def net_exposure(entries: Iterable[Entry]) -> Mapping[Asset, Decimal]:
    """Return what our own accounts gained or lost of each asset; an asset that came out even is left out."""
    totals: dict[Asset, Decimal] = defaultdict(lambda: ZERO)
    for entry in entries:
        if entry.venue is not None:
            totals[entry.asset] = EXACT.add(totals[entry.asset], entry.amount)
    return {asset: total for asset, total in totals.items() if total != ZERO}


def imbalance(entries: Iterable[Entry]) -> Mapping[Asset, Decimal]:
    """Return the assets in which ``entries`` do not sum to zero: empty for a sound ledger."""
    totals: dict[Asset, Decimal] = defaultdict(lambda: ZERO)
    for entry in entries:
        totals[entry.asset] = EXACT.add(totals[entry.asset], entry.amount)
    return {asset: total for asset, total in totals.items() if total != ZERO}


@dataclass(frozen=True, slots=True)
class Waterfall:
    """How the planned edge became the result, in quote: ``gross - fees - gas - slippage - unwind == net``."""

    gross: Decimal
    fees: Decimal
    gas: Decimal
    slippage: Decimal
    unwind: Decimal
    net: Decimal

    @property
    def remainder(self) -> Decimal:
        """Return what the lines leave unexplained: anything but zero is an alarm."""
        costs = (self.fees, self.gas, self.slippage, self.unwind, self.net)
        return EXACT.subtract(self.gross, exact_sum(costs))


@dataclass(frozen=True, slots=True)
class Booked:
    """A fill as it was booked: whose, which way, and whether it unwound what the two legs left open."""

    venue: str
    side: Side
    fill: Fill
    is_unwind: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result of one execution: ``waterfall.net == quote_delta + dust_value - gas``."""

    waterfall: Waterfall
    quote_delta: Decimal  # change of our quote balances
    base_dust: Decimal  # change of our base balances
    dust_value: Decimal  # in quote: nothing where we own it, the dearest price traded where we owe it


def settle(
    pair: Pair,
    booked: Sequence[Booked],
    *,
    planned_gross: Decimal,
    planned_quantity: Decimal,
    gas: Decimal = ZERO,
) -> Settlement:
    """Return what an execution earned, and why.

    The plan's gross edge (``planned_quantity`` is the base to be sold) counts in proportion to what both legs
    filled, so what was missed is not called slippage. Gas is in quote.
    Raises: BadInput for a fee in an asset that is neither base nor quote.
    """
    main = [row for row in booked if not row.is_unwind]
    unwinds = [row for row in booked if row.is_unwind]
    dust = EXACT.add(_base_delta(pair, main), _base_delta(pair, unwinds))
    dust_value = _value_of_dust(dust, booked)
    quote_delta = EXACT.add(_quote_delta(pair, main), _quote_delta(pair, unwinds))
    handed_over = _value_handed_over(main, unwinds, _base_delta(pair, unwinds))
    gross = _pro_rata(planned_gross, _matched(pair, main), planned_quantity)
    fees = _fee_value(pair, main)
    realised = exact_sum((_quote_delta(pair, main), handed_over, dust_value, fees))
    waterfall = Waterfall(
        gross=gross,
        fees=fees,
        gas=gas,
        slippage=EXACT.subtract(gross, realised),
        unwind=EXACT.subtract(handed_over, _quote_delta(pair, unwinds)),
        net=EXACT.subtract(EXACT.add(quote_delta, dust_value), gas),
    )
    return Settlement(waterfall, quote_delta, dust, dust_value)


def average_price(fills: Sequence[Fill], side: Side) -> Decimal | None:
    """Return the mean price paid or received, rounded against us; None where nothing was filled."""
    quantity = exact_sum(fill.quantity for fill in fills)
    if quantity == ZERO:
        return None
    rounded = quantize_up if side is Side.BUY else quantize_down
    return rounded(DOWN.divide(exact_sum(fill.quote for fill in fills), quantity))


def _move(venue: str, counterpart: str, asset: Asset, amount: Decimal) -> tuple[Entry, Entry]:
    return Entry(f"{OURS}{venue}", asset, amount), Entry(f"{counterpart}:{venue}", asset, amount.copy_negate())


def _column_quote(side: Side, fill: Fill) -> Decimal:
    return quantize_up(fill.quote) if side is Side.BUY else quantize_down(fill.quote)


def _base_delta(pair: Pair, rows: Iterable[Booked]) -> Decimal:
    return _delta(pair, rows).get(pair.base, ZERO)


def _quote_delta(pair: Pair, rows: Iterable[Booked]) -> Decimal:
    return _delta(pair, rows).get(pair.quote, ZERO)


def _delta(pair: Pair, rows: Iterable[Booked]) -> Mapping[Asset, Decimal]:
    return net_exposure(entry for row in rows for entry in entries_for(row.venue, pair, row.side, row.fill))


def _value_of_dust(dust: Decimal, rows: Sequence[Booked]) -> Decimal:
    if dust >= ZERO:
        return ZERO
    return EXACT.multiply(dust, max(row.fill.price for row in rows))


def _value_handed_over(main: Sequence[Booked], unwinds: Sequence[Booked], unwound: Decimal) -> Decimal:
    """What the legs' open base is worth, at the price the legs traded it, when the unwinding takes it over."""
    side = Side.BUY if unwound < ZERO else Side.SELL
    price = average_price([row.fill for row in main if row.side is side], side)
    if price is None:  # the legs never traded that way: the unwinding's own prices leave no loss to explain
        price = average_price([row.fill for row in unwinds], side.opposite)
    return ZERO if price is None else EXACT.multiply(unwound, price).copy_negate()


def _matched(pair: Pair, main: Sequence[Booked]) -> Decimal:
    bought = EXACT.subtract(_filled(main, Side.BUY), _fees_in(pair.base, main))
    return max(min(bought, _filled(main, Side.SELL)), ZERO)


def _filled(rows: Iterable[Booked], side: Side) -> Decimal:
    return exact_sum(row.fill.quantity for row in rows if row.side is side)


def _fees_in(asset: Asset, rows: Iterable[Booked]) -> Decimal:
    return exact_sum(row.fill.fee for row in rows if row.fill.fee_asset == asset)


def _pro_rata(planned: Decimal, matched: Decimal, planned_quantity: Decimal) -> Decimal:
    if matched == planned_quantity:
        return planned
    return quantize_down(DOWN.divide(EXACT.multiply(planned, matched), planned_quantity))


def _fee_value(pair: Pair, rows: Iterable[Booked]) -> Decimal:
    """Fees in quote; one taken in base is worth the price just paid for that base."""
    total = ZERO
    for fill in (row.fill for row in rows):
        if fill.fee_asset not in (pair.base, pair.quote):
            raise BadInput(f"fill {fill.trade_id} paid its fee in {fill.fee_asset}, which {pair} has no price for")
        total = EXACT.fma(fill.fee, fill.price if fill.fee_asset == pair.base else Decimal(1), total)
    return total
