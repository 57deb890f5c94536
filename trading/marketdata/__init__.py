"""Market data: the view in memory, the feeds that fill it and the price cache."""
