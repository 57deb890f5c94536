"""Risk's commands."""
