"""What the decisions of a replay rest on, ready for JSON, alike for candles and for recordings."""

from domain.costs import FeeSchedule
from domain.detection import DetectConfig
from domain.money import plain
from trading.services.replay.options import ReplayOptions


def span_told(options: ReplayOptions) -> dict[str, str]:
    """Return the span that was asked for; nothing where it is everything."""
    bounds = {"from": options.first, "before": options.last}
    return {name: at.isoformat() for name, at in bounds.items() if at is not None}


def fee_json(schedule: FeeSchedule) -> dict[str, str]:
    """Return a venue's fees ready for JSON."""
    return {
        "maker_bps": plain(schedule.maker_bps),
        "taker_bps": plain(schedule.taker_bps),
        "charged_in": schedule.charged_in.value,
        "source": schedule.source,
    }


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
