"""Schema of the trading app."""
