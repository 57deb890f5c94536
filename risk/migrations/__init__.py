"""Risk's schema."""
