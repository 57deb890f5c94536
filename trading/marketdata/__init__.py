"""Market data: the view in memory, the feeds that fill it, the price cache and the volatility of what was seen."""
