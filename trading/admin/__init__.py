"""Trading's admin pages: everything it saw, decided and earned, to be read."""

from trading.admin import executions, opportunities, recordings, reference, reports, runs, series

__all__ = ["executions", "opportunities", "recordings", "reference", "reports", "runs", "series"]
