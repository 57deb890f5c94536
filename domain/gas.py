"""What a transaction on a chain costs: units of gas at the next block's price, in the native asset and in quote."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from domain.book import staleness
from domain.errors import BadInput
from domain.market import Asset, MarketKey, PoolState
from domain.money import EXACT, UP, ZERO, from_raw, plain, quantize_up
from domain.routes import MarketView

NATIVE_DECIMALS = 18  # of every chain's own asset: a wei is 1e-18 of it
GWEI_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class GasTerms:
    """What a swap on a venue of pools takes: so many units of gas, paid in the chain's own asset.

    Raises: BadInput.
    """

    units: int
    asset: Asset

    def __post_init__(self) -> None:
        if self.units <= 0:
            raise BadInput(f"a swap that takes {self.units} units of gas does not exist")


@dataclass(frozen=True, slots=True)
class GasDue:
    """What one transaction is reckoned to cost; ``rate`` is quote per unit of the native asset, rounded up.

    Units: amount in the native asset, quote in the route's quote.
    """

    venue: str
    asset: Asset
    amount: Decimal
    rate: Decimal
    quote: Decimal
    source: str


class NativePrice(NamedTuple):
    """What a chain's own asset costs in a quote, and where that was seen."""

    rate: Decimal
    market: MarketKey


def gas_due(pool: PoolState, terms: GasTerms, price: NativePrice) -> GasDue:
    """Return what a swap on ``pool`` costs in the next block, each amount rounded up."""
    amount = gas_amount(pool, terms)
    return GasDue(
        venue=pool.venue,
        asset=terms.asset,
        amount=amount,
        rate=price.rate,
        quote=quantize_up(EXACT.multiply(amount, price.rate)),
        source=_said(pool, terms, price.market),
    )


def gas_amount(pool: PoolState, terms: GasTerms) -> Decimal:
    """Return what a swap on ``pool`` costs in the next block, in the chain's own asset, exactly."""
    return from_raw(terms.units * pool.gas_price_wei, NATIVE_DECIMALS)


def terms_of(gas: Mapping[str, GasTerms], venue: str) -> GasTerms:
    """Return the terms of ``venue``. Raises: BadInput where none are stated, for no cost is ever guessed."""
    try:
        return gas[venue]
    except KeyError:
        raise BadInput(f"no gas is known for a swap on {venue!r}: state its units and the chain's own asset") from None


def native_price(
    asset: Asset, quote: Asset, view: MarketView, *, quote_usd: Mapping[str, Decimal], now_ns: int, max_age_ms: int
) -> NativePrice | None:
    """Return the dearest fresh ask for ``asset``, in ``quote`` by way of US dollars, rounded up; None where none is.

    A market whose quote has no rate in US dollars cannot be compared and is left out.
    """
    usd = quote_usd.get(quote.symbol, ZERO)
    found: list[NativePrice] = []
    for key in view.priced(asset) if usd > ZERO else ():
        market, rate = view.book(key), quote_usd.get(key.pair.quote.symbol)
        if market is None or rate is None or staleness(market, now_ns=now_ns, max_age_ms=max_age_ms) is not None:
            continue
        found.append(NativePrice(quantize_up(UP.divide(EXACT.multiply(market.best_ask, rate), usd)), key))
    return max(found, key=lambda price: price.rate, default=None)


def _said(pool: PoolState, terms: GasTerms, priced_on: MarketKey) -> str:
    gwei = plain(from_raw(pool.gas_price_wei, GWEI_DECIMALS))
    return f"{terms.units} units at {gwei} gwei, {terms.asset} as asked on {priced_on.venue} {priced_on.pair}"
