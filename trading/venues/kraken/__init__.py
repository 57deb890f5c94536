"""Kraken: WebSocket v2 books with checksum, REST reference data, account by ccxt."""
