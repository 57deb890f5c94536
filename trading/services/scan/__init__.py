"""Scans: every market looked at once, from the price cache or by REST, decided and committed as the stream does."""

from trading.services.scan.connections import process_connections
from trading.services.scan.fan_out import scan_all, scan_partition
from trading.services.scan.prices import Gap, Price, Prices, prices_of
from trading.services.scan.run import RouteFound, Scan, scan, scan_and_log

__all__ = [
    "Gap",
    "Price",
    "Prices",
    "RouteFound",
    "Scan",
    "prices_of",
    "process_connections",
    "scan",
    "scan_all",
    "scan_and_log",
    "scan_partition",
]
