"""The Kraken double: REST and WebSocket v2."""
