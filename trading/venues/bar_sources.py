"""Which venues tell of their minutes, and the source of each."""

from typing import cast

from trading.venues.alpaca.bars import AlpacaBars
from trading.venues.bars import BarSource
from trading.venues.kraken.bars import KrakenBars
from trading.venues.registry import KRAKEN, AlpacaSettings, KrakenSettings, VenueSettings


def bar_sources(venues: VenueSettings) -> dict[str, BarSource]:
    """Return a source of minute bars for every order-book venue, by name; pools tell of no minutes."""
    found: dict[str, BarSource] = {
        "kraken": KrakenBars(venues.kraken.rest_url),
        "alpaca": AlpacaBars(venues.alpaca.data_url),
    }
    for one in venues.more:
        if one.adapter == KRAKEN:
            found[one.name] = KrakenBars(cast(KrakenSettings, one.settings).rest_url)
        else:
            found[one.name] = AlpacaBars(cast(AlpacaSettings, one.settings).data_url)
    return found
