"""A report made by hand, for the tests of what is said, drawn and compared."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from trading.services.backtest.figures import (
    CostFigures,
    DayFigures,
    DecayFigures,
    EdgeFigures,
    Fall,
    Falls,
    FillFigures,
    Found,
    InventoryLines,
    PlaceFigures,
    Report,
    RouteFigures,
    Sample,
    Trip,
)

FIRST, LAST = datetime(2023, 3, 11, tzinfo=UTC), datetime(2023, 3, 11, 2, tzinfo=UTC)
NEVER = Fall(Decimal(0), Decimal(0), None, None)
FELL = Fall(Decimal("12.3412"), Decimal("0.0123"), FIRST, LAST)
ROUTE = RouteFigures(
    route="kraken:BTC/USDC>binanceus:BTC/USDC",
    opportunities=3,
    edges=EdgeFigures(81.25, 132.5, 16.25, 66.0, 60.0),
    decay=(DecayFigures(60_000, 3, 0, 1, 9.5), DecayFigures(1_200_000, 3, 3, 0, None)),
    refused={"no_inventory": 1},
    short_looks=7,
    fills=FillFigures(2, 1, 1, 0, 1, 0, Decimal("1800.5")),
    costs=CostFigures(*map(Decimal, ("12", "9.001", "0", "1", "0.5", "1.499"))),
)
TOLD = {
    "data": [
        {
            "venue": "kraken",
            "symbol": "BTC/USDC",
            "file": "<kraken>.csv",
            "minutes_traded": 1200,
            "first_minute": "2023-03-11T00:00:00+00:00",
            "last_minute": "2023-03-11T02:00:00+00:00",
        }
    ],
    "fees": {"kraken": {"taker_bps": "40", "source": "stated"}},
    "spread_bps": "2",
    "depth_usd": "50000",
    "latency_ms": 250,
    "fill": "the next open",
    "max_trade_usd": "1000",
    "min_net_bps": "0",
    "quote_usd": {"USDC": "1"},
}


def place(venue: str, asset: str, start: str, end: str, price: str) -> PlaceFigures:
    """Return a place whose price stood still."""
    before, after, each = Decimal(start), Decimal(end), Decimal(price)
    return PlaceFigures(venue, asset, before, after, min(before, after), each, each, before * each, after * each)


REPORT = Report(
    run_id="20230311T000000-abcd",
    digest="d1" * 32,
    created_at=LAST,
    first_at=FIRST,
    last_at=LAST,
    capital_usd=Decimal(10_000),
    is_limited=True,
    start_usd=Decimal(10_000),
    end_usd=Decimal("10004.3567"),
    change_usd=Decimal("4.3567"),
    executed_usd=Decimal("1.499"),
    hold_usd=Decimal("2.5"),
    inventory_usd=Decimal("0.3577"),
    remainder_usd=Decimal(0),
    inventory=InventoryLines(Decimal("0.3577"), Decimal(0), Decimal(0)),
    falls=Falls(FELL, FELL, FELL, NEVER),
    days=(DayFigures(date(2023, 3, 11), 3, 2, *map(Decimal, ("1.499", "2.5", "0.3577", "4.3567", "10004.3567"))),),
    routes=(ROUTE,),
    places=(
        place("binanceus", "BTC", "0.125", "0.085", "20000"),
        place("binanceus", "USDC", "2500", "3300.7134", "1"),
        place("kraken", "BTC", "0.125", "0.165", "20000"),
        place("kraken", "USDC", "2500", "1700.6433", "1"),
    ),
    trips={"slippage": 1},
    first_trips=(Trip(FIRST, "slippage", "slippage is 2.9, threshold 2.5"),),
    refused={"cost": {"below_threshold": 1472}, "size": {"no_inventory": 7}, "execution": {"limit_not_reached": 1}},
    executions={"settled": 1, "unwound": 1},
    assumptions=TOLD,
    drawn=("BTC on binanceus", "USDC on binanceus", "BTC on kraken", "USDC on kraken"),
    samples=tuple(
        Sample(1_678_492_800 * 10**9 + minute * 60 * 10**9, 10_000.0 + minute, 0.1 * minute, 0.2, 0.3, (2500.0,) * 4)
        for minute in range(120)
    ),
    found=(Found(1_678_492_860 * 10**9, 16.25, True), Found(1_678_493_860 * 10**9, 66.0, False)),
)
NOTHING_TRADED = replace(
    REPORT,
    run_id="20230311T000000-0000",
    executed_usd=Decimal(0),
    inventory_usd=Decimal(0),
    change_usd=Decimal("2.5"),
    routes=(),
    found=(),
    trips={},
    first_trips=(),
    executions={},
)
