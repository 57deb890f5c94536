"""Chains that speak Ethereum's JSON-RPC: nodes, heads and the pools on them."""
