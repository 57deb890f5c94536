"""The Alpaca double: trading REST, data REST and the crypto data stream."""
