"""Trading's admin pages: everything it saw, decided and earned, to be read."""

from trading.admin import executions, opportunities, recordings, reports, runs, series

__all__ = ["executions", "opportunities", "recordings", "reports", "runs", "series"]
