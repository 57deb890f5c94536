"""From files of candles to a timeline: every file is named and read to its end before the first row is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings

from domain.costs import FeeSchedule
from domain.detection import DetectConfig
from domain.errors import BadInput
from domain.market import MarketKey
from domain.money import DOWN, plain, quantize_down
from domain.terms import Caps, Lot
from domain.timestamps import NS_PER_S, from_ns, to_ns
from trading.json_values import to_json
from trading.services.candles import MINUTE_S, Candles, check_columns, market_named_by, read_candles
from trading.services.replay.assumptions import lots_json, span_told
from trading.services.replay.candle_timeline import LEVELS, BookShape, CandleTimeline
from trading.services.replay.markets import RecordedView
from trading.services.replay.options import ReplayOptions
from trading.services.replay.timeline import Json, Opening

LOT_STEP = Decimal("1e-8")  # base units; the coarser lots of a venue only cut dust off trades of this size
TICK = Decimal("0.01")  # of quote per base, or what a file's prices show where that is finer
MIN_QUOTE = Decimal(10)  # what most venues ask of an order at least
MINUTE_MS = MINUTE_S * 1_000


@dataclass(frozen=True, slots=True)
class CandleSource:
    """Read and checked files, and all that is assumed of them."""

    files: tuple[Path, ...]
    candles: tuple[Candles, ...]
    options: ReplayOptions
    config: DetectConfig
    timeline: CandleTimeline

    @property
    def where(self) -> Json:
        """Return what opens the same source again."""
        return {"files": [str(path.resolve()) for path in self.files]}

    @property
    def assumptions(self) -> dict[str, Any]:
        """Return every figure that the result rests on, ready for JSON."""
        options, config = self.options, self.config
        return {
            "data": [_file_json(path, one) for path, one in zip(self.files, self.candles, strict=True)],
            **span_told(options),
            "resolution_s": config.resolution_s,
            "spread_bps": plain(options.spread_bps),
            "depth_usd": plain(options.depth_usd),
            "depth_levels": LEVELS,
            "latency_ms": options.delay_ms,
            "fill": "the worse of the close before and the open of the minute that the latency, rounded up, leads to",
            "fees": to_json(config.fees),
            "quote_usd": to_json(config.quote_usd),
            "lots": lots_json(config),
            "min_net_bps": plain(config.min_net_bps),
            "max_trade_usd": plain(config.caps.max_usd),
        }


def open_candles(files: Sequence[Path], options: ReplayOptions) -> CandleSource:
    """Return the files as one source, cut to the span that was asked for.

    Raises: MalformedFileError for what a file holds, BadInput for what was asked.
    """
    if options.markets and len(options.markets) != len(files):
        raise BadInput(f"--as is given {len(options.markets)} times for {len(files)} files: once per file, in order")
    for path in files:
        check_columns(path)
    markets = options.markets or tuple(market_named_by(path) for path in files)
    _check_markets(markets, files)
    fees = options.fees_of({market.venue for market in markets})
    rates = {market.pair.quote.symbol: _rate_of(market) for market in markets}
    named = zip(files, markets, strict=True)
    candles = tuple(_within(read_candles(path, market), path, options) for path, market in named)
    lots = {one.market: Lot(LOT_STEP, LOT_STEP, MIN_QUOTE, min(TICK, one.price_step)) for one in candles}
    shapes = {market: _shape(options, rates[market.pair.quote.symbol], lot) for market, lot in lots.items()}
    config = _config(options, fees, lots, rates)
    opening = Opening(config, MINUTE_S * NS_PER_S, options.delay_ms, tuple(lots), {})
    return CandleSource(tuple(files), candles, options, config, CandleTimeline(candles, shapes, opening))


def _within(candles: Candles, path: Path, options: ReplayOptions) -> Candles:
    """Return the candles of the span that was asked for; the file's first and last minute bound it too."""
    first_s = max(candles.first_s, _minute_from(options.first, candles.first_s))
    last_s = min(candles.last_s, _minute_from(options.last, candles.last_s + MINUTE_S) - MINUTE_S)
    if first_s > last_s:
        held = " to ".join(_told(at_s) for at_s in (candles.first_s, candles.last_s))
        raise BadInput(f"{path} holds no minute {options.span_text}: it holds {held} UTC")
    traded = tuple(candle for candle in candles.traded if first_s <= candle.minute_s <= last_s)
    return replace(candles, traded=traded, first_s=first_s, last_s=last_s)


def _minute_from(at: datetime | None, otherwise_s: int) -> int:
    """Return the first minute that begins at or after an instant."""
    return otherwise_s if at is None else -(-to_ns(at) // (MINUTE_S * NS_PER_S)) * MINUTE_S


def _told(at_s: int) -> str:
    return f"{from_ns(at_s * NS_PER_S):%Y-%m-%d %H:%M}"


def _check_markets(markets: Sequence[MarketKey], files: Sequence[Path]) -> None:
    if len(files) < 2:
        raise BadInput("one file is no comparison: name the candles of at least two venues")
    first_of: dict[MarketKey, Path] = {}
    for market, path in zip(markets, files, strict=True):
        if market in first_of:
            raise BadInput(f"{first_of[market]} and {path} are both of {market.pair} on {market.venue}")
        first_of[market] = path
    if RecordedView(markets).is_empty:
        listed = ", ".join(f"{market.venue}:{market.pair}" for market in markets)
        raise BadInput(f"nothing to compare among {listed}: two venues must trade the same asset")


def _rate_of(market: MarketKey) -> Decimal:
    symbol = market.pair.quote.symbol
    try:
        return settings.ARB.trading.quote_usd[symbol]
    except KeyError:
        raise BadInput(
            f"no USD rate is stated for {symbol}, the quote of {market.pair} on {market.venue}: say it in ARB_QUOTE_USD"
        ) from None


def _shape(options: ReplayOptions, usd_rate: Decimal, lot: Lot) -> BookShape:
    return BookShape(options.spread_bps, quantize_down(DOWN.divide(options.depth_usd, usd_rate)), lot)


def _config(
    options: ReplayOptions,
    fees: Mapping[str, FeeSchedule],
    lots: Mapping[MarketKey, Lot],
    rates: Mapping[str, Decimal],
) -> DetectConfig:
    ours = settings.ARB.trading
    return DetectConfig(
        min_net_bps=ours.min_net_bps if options.min_net_bps is None else options.min_net_bps,
        max_age_ms=MINUTE_MS,
        max_skew_ms=MINUTE_MS,
        fees=fees,
        lots=lots,
        caps=Caps(ours.max_trade_usd),
        quote_usd=dict(sorted(rates.items())),
        resolution_s=MINUTE_S,
        near_miss_bps=ours.near_miss_bps,
    )


def _file_json(path: Path, candles: Candles) -> dict[str, Any]:
    return {
        "file": path.name,
        "sha256": sha256(path.read_bytes()).hexdigest(),
        "venue": candles.market.venue,
        "symbol": candles.market.pair.symbol,
        "first_minute": from_ns(candles.first_s * NS_PER_S).isoformat(),
        "last_minute": from_ns(candles.last_s * NS_PER_S).isoformat(),
        "minutes_traded": len(candles.traded),
    }
