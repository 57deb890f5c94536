"""Risk: what may be sent, what has been lost, and the locks that stop trading."""
