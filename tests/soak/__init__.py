"""The soak: the whole system as a user runs it, with a fault every half minute for an hour."""
