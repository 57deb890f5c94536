"""Trading's admin pages: everything it saw, decided and earned, to be read."""

from trading.admin import executions, opportunities, runs, series

__all__ = ["executions", "opportunities", "runs", "series"]
