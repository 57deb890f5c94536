"""Risk's commands: halt, resume, breakers."""
