"""Alpaca: the crypto book stream, REST reference data, account by alpaca-py."""
