"""The chain double: a local EVM chain with the real pool contracts, its trades led by the market process."""
