"""Scans: every market looked at once, from the price cache or by REST, decided and committed as the stream does."""

from trading.services.scan.kept import kept
from trading.services.scan.prices import Gap, Price, Prices, prices_of
from trading.services.scan.run import RouteFound, Scan, scan, scan_at_pace

__all__ = ["Gap", "Price", "Prices", "RouteFound", "Scan", "kept", "prices_of", "scan", "scan_at_pace"]
