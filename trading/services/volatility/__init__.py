"""How much markets move: minute bars, realised volatility over an hour, a day and a week, and its latest figures."""

from trading.services.volatility.job import update
from trading.services.volatility.latest import (
    MarketDataCollector,
    feature_contexts,
    get_latest_volatility,
    get_market_data_collector,
)

__all__ = [
    "MarketDataCollector",
    "feature_contexts",
    "get_latest_volatility",
    "get_market_data_collector",
    "update",
]
