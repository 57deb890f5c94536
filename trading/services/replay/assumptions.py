"""What the decisions of a replay rest on, ready for JSON, alike for candles and for recordings."""

from domain.detection import DetectConfig
from domain.money import plain
from trading.services.replay.options import ReplayOptions


def span_told(options: ReplayOptions) -> dict[str, str]:
    """Return the span that was asked for; nothing where it is everything."""
    bounds = {"from": options.first, "before": options.last}
    return {name: at.isoformat() for name, at in bounds.items() if at is not None}


def lots_json(config: DetectConfig) -> dict[str, dict[str, str]]:
    """Return the lots by market, ready for JSON."""
    return {
        f"{market.venue}:{market.pair}": {
            "tick": plain(lot.tick),
            "step": plain(lot.step),
            "min_quote": plain(lot.min_quote),
        }
        for market, lot in config.lots.items()
    }
