"""What the simulated venues list: price and quantity grids, opening prices, volatility and size per pair."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from domain.errors import BadInput
from domain.market import MarketKey, Pair

KRAKEN = "kraken"
ALPACA = "alpaca"
VENUES = (KRAKEN, ALPACA)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One pair as both venues quote it.

    Units: ``tick`` in quote, ``lot`` and ``min_quantity`` in base, volatility per year (0.5 is 50 %).
    """

    pair: Pair
    tick: Decimal
    lot: Decimal
    min_quantity: Decimal
    price_usd: float
    yearly_volatility: float
    level_usd: float  # median worth of one price level near the top of the book
    venues: tuple[str, ...] = VENUES

    @property
    def price_decimals(self) -> int:
        """Return how many decimals the tick has."""
        return decimals_of(self.tick)

    @property
    def lot_decimals(self) -> int:
        """Return how many decimals the lot has."""
        return decimals_of(self.lot)


def decimals_of(step: Decimal) -> int:
    """Return how many decimals a step of one unit in the last place has."""
    exponent = step.as_tuple().exponent
    assert isinstance(exponent, int)
    return -exponent


def _listed(
    symbol: str,
    tick: str,
    min_quantity: str,
    price_usd: float,
    yearly_volatility: float,
    level_usd: float,
    venues: tuple[str, ...] = VENUES,
) -> Instrument:
    lot = Decimal("0.00000001")
    pair = Pair.parse(symbol)
    return Instrument(pair, Decimal(tick), lot, Decimal(min_quantity), price_usd, yearly_volatility, level_usd, venues)


INSTRUMENTS: dict[Pair, Instrument] = {
    instrument.pair: instrument
    for instrument in (
        _listed("BTC/USD", "0.1", "0.00005", 64_000.0, 0.45, 6_000.0),
        _listed("ETH/USD", "0.01", "0.001", 3_100.0, 0.60, 5_000.0),
        _listed("SOL/USD", "0.01", "0.02", 148.0, 0.80, 3_000.0),
        _listed("LTC/USD", "0.01", "0.04", 84.0, 0.70, 1_800.0),
        _listed("LINK/USD", "0.00001", "0.2", 14.5, 0.80, 1_600.0),
        _listed("DOGE/USD", "0.0000001", "13", 0.155, 0.90, 2_000.0),
        _listed("AVAX/USD", "0.01", "0.1", 37.0, 0.85, 1_500.0),
        _listed("DOT/USD", "0.0001", "0.6", 6.4, 0.80, 1_400.0),
        _listed("BTC/USDC", "0.01", "0.00005", 64_000.0, 0.45, 3_000.0, (KRAKEN,)),
        _listed("ETH/USDC", "0.01", "0.001", 3_100.0, 0.60, 3_000.0),
    )
}
DEFAULT_PAIRS: tuple[Pair, ...] = tuple(INSTRUMENTS)


def instrument_of(pair: Pair) -> Instrument:
    """Return the instrument of ``pair``. Raises: BadInput if the simulated venues do not list it."""
    try:
        return INSTRUMENTS[pair]
    except KeyError:
        listed = ", ".join(known.symbol for known in INSTRUMENTS)
        raise BadInput(f"{pair} is not simulated: choose from {listed}") from None


def listings(pairs: Iterable[Pair | str], venues: Iterable[str]) -> tuple[MarketKey, ...]:
    """Return every market of ``pairs`` on those of ``venues`` that list them. Raises: BadInput."""
    chosen = tuple(venues)
    for venue in chosen:
        if venue not in VENUES:
            raise BadInput(f"{venue!r} is not a simulated venue: choose from {', '.join(VENUES)}")
    wanted = [pair if isinstance(pair, Pair) else Pair.parse(pair) for pair in pairs]
    return tuple(MarketKey(venue, pair) for pair in wanted for venue in chosen if venue in instrument_of(pair).venues)
