"""What the decisions of a replay rest on, ready for JSON and in sentences, alike for candles and for recordings."""

from collections.abc import Mapping
from typing import Any

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


def assumptions_in_words(told: Mapping[str, Any]) -> list[str]:
    """Return what a result rests on, in sentences."""
    lines = [_recording(held) if "recording" in held else _file(held) for held in told.get("data", ())]
    lines += [
        f"Fees {venue}: taker {fees['taker_bps']} bps ({fees['source']})."
        for venue, fees in sorted(told["fees"].items())
    ]
    if "spread_bps" in told:
        lines.append(
            f"Assumed around every candle: spread {told['spread_bps']} bps, depth {told['depth_usd']} USD a side."
        )
    rates = ", ".join(f"{asset} = {rate} USD" for asset, rate in sorted(told["quote_usd"].items()))
    lines.append(
        f"Latency {told['latency_ms']} ms, filled at {told['fill']}; largest trade {told['max_trade_usd']} USD; "
        f"more than {told['min_net_bps']} bps net; for valuation {rates}."
    )
    return lines


def _file(held: Mapping[str, Any]) -> str:
    return (
        f"{held['venue']} {held['symbol']}: {held['minutes_traded']:,} minutes with trades, "
        f"{held['first_minute'][:16]} to {held['last_minute'][:16]} UTC ({held['file']})."
    )


def _recording(held: Mapping[str, Any]) -> str:
    lost = f", {held['lost']:,} more were seen and lost" if held["lost"] else ""
    return (
        f"Recording {held['recording']} of {held['mode']}: {held['books']:,} books of {len(held['markets'])} markets, "
        f"{held['first_book'][:19]} to {held['last_book'][:19]} UTC{lost}."
    )
